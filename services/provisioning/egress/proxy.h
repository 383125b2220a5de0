// The way out of one run: takes connections on the run's own Unix sockets and makes those that the policy allows.
//
//   asio::io_context context;
//   Proxy proxy(&context, policy, ResolveBySystem(&context), &journal, {});
//   proxy.Serve(listening_fd, policy.doors[0]);
//   context.run();
//
// A proxy door speaks HTTP CONNECT, and http:// requests, one a connection. What it is asked for is judged three times:
// the name by the allow list, each address that the name resolves to by the address rules, and the address that the
// socket is then connected to. It connects to the address that was judged, never to the name again. A refusal's reason
// phrase says what was refused and which setting opens it, because that is what clients show of a proxy's answer.
// One thread; no exception leaves it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "services/provisioning/egress/journal.h"
#include "services/provisioning/egress/policy.h"

namespace stratus::provisioning::egress {

// Calls back once, from the loop, with all addresses of `host`; with none when there are none, or no answer.
using Resolved = std::function<void(std::vector<Address>)>;
using Resolve = std::function<void(const std::string& host, Resolved done)>;

// By getaddrinfo on a thread of asio's own.
Resolve ResolveBySystem(boost::asio::io_context* context);

struct Limits {
  size_t connections_max = 128;  // at once
  std::chrono::milliseconds head_max{10'000};
  std::chrono::milliseconds connect_max{30'000};  // resolving and all attempts together
  std::chrono::milliseconds idle_max{600'000};    // without a byte either way
};

class Proxy {
 public:
  // What is pointed to outlives the proxy; the proxy outlives the loop's last run.
  Proxy(boost::asio::io_context* context, Policy policy, Resolve resolve, Journal* journal, Limits limits);

  // Takes connections from a listening Unix socket, which it then owns.
  void Serve(int listening_fd, const Door& door);

  // For sessions.
  const Policy& policy() const { return policy_; }
  const Limits& limits() const { return limits_; }
  const Resolve& resolve() const { return resolve_; }
  Journal& journal() { return journal_; }

 private:
  using Unix = boost::asio::local::stream_protocol;
  struct Listener {
    Unix::acceptor acceptor;
    boost::asio::steady_timer pause;
    Door door;
  };

  std::shared_ptr<void> TakeSlot();
  void Accept(Listener* listener);
  void Pause(Listener* listener);

  boost::asio::io_context& context_;
  const Policy policy_;
  const Resolve resolve_;
  Journal& journal_;
  const Limits limits_;
  std::list<Listener> listeners_;
  // Shared with the sessions, the last of which go with the loop.
  const std::shared_ptr<size_t> sessions_ = std::make_shared<size_t>(0);
};

}  // namespace stratus::provisioning::egress
