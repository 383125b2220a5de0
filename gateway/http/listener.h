// Accepts connections on one loop and serves HTTP/1.x and HTTP/2 on them.
//
//   boost::asio::io_context loop(1);
//   http::Listener listener(loop, *std::move(socket), &service, {});
//   listener.Start();
//   loop.run();
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "boost/asio/io_context.hpp"
#include "gateway/http/connection_owner.h"
#include "gateway/http/connection_quota.h"
#include "gateway/http/exchange.h"
#include "gateway/http/limits.h"
#include "gateway/http/listen_socket.h"
#include "gateway/http/listener_stats.h"
#include "gateway/http/tls_context.h"
#include "gateway/http/transport.h"
#include "lib/core/address.h"

namespace stratus::gateway::http {

struct Context;

// Everything but stats() is for the loop's thread. `service` must outlive the listener. With `tls`, clients have to
// speak it.
class Listener final : private ConnectionOwner {
 public:
  Listener(boost::asio::io_context& loop, ListenSocket socket, Service* service, const Limits& limits,
           std::shared_ptr<ConnectionQuota> quota, std::shared_ptr<TlsServerContext> tls = nullptr);
  // Close, if that has not been called.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void Start();
  // Stops accepting and cuts the connections; exchanges in flight are aborted in here. stats() stays readable.
  void Close();
  // Where it listens, with the port that was bound.
  const core::Address& address() const { return address_; }
  // Accepts no more, lets the exchanges in flight end (HTTP/1.1 `Connection: close`, HTTP/2 GOAWAY) and cuts what is
  // left when the deadline has passed. `done` runs once, when no connection is left; not inside Drain.
  void Drain(absl::Duration deadline, std::function<void()> done);
  // Any thread.
  const ListenerStats& stats() const;

 private:
  struct Acceptor;

  void AwaitAccept();
  void AcceptAll();
  // False when nothing is waiting to be accepted.
  bool AcceptOne();
  TransportPtr NewTransport(int fd, int family);
  void StartTicking();
  void Tick();
  void OnConnectionClosed(Connection* connection) override;
  void OnMemoryShort() override;
  void Relieve();
  // Whether a new connection of that address may be; an idle one may have had to go.
  bool Admit(ConnectionQuota::Address address);
  // Closes the connection that has been idle for longest; false when none is idle.
  bool CloseOldestIdle();
  void CheckDrained();

  const std::unique_ptr<Context> context_;
  const core::Address address_;
  const std::shared_ptr<ConnectionQuota> quota_;
  const std::shared_ptr<TlsServerContext> tls_;  // null: plain
  std::unique_ptr<Acceptor> acceptor_;
  struct Entry {
    std::unique_ptr<Connection> connection;
    ConnectionQuota::Address address = ConnectionQuota::kUncounted;
  };
  std::unordered_map<Connection*, Entry> connections_;
  // The idle connections that go next, the oldest last, with their last_input: by that it shows which of them have been
  // busy or closed since.
  std::vector<std::pair<Connection*, uint64_t>> next_to_go_;
  std::function<void()> drained_;
  uint64_t drain_deadline_ = 0;  // a tick
  bool ticking_ = false;
  bool draining_ = false;
  bool accept_paused_ = false;
  bool relieving_ = false;
};

}  // namespace stratus::gateway::http
