// One attempt to connect: resolves the address anew and tries what it resolves to, one after the other.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/upstream/timer_queue.h"
#include "lib/core/address.h"

namespace stratus::gateway::upstream {

class Connector final : public std::enable_shared_from_this<Connector> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Endpoint = boost::asio::generic::stream_protocol::endpoint;
  // The socket is connected and non-blocking. Called once, from the loop, unless Stop came first.
  using Done = std::function<void(absl::StatusOr<Socket>)>;

  Connector(boost::asio::io_context& io, TimerQueue* timers, const core::Address& address);

  // Begins with the address at position `rotation` of those resolved, so that several connections spread over them.
  // `timeout` bounds the whole attempt.
  void Start(size_t rotation, absl::Duration timeout, Done done);
  void Stop();
  // How many addresses the name resolved to; 0 before it did.
  size_t address_count() const { return endpoints_.size(); }

 private:
  void Resolve();
  void TryNext();
  void OnConnect(const boost::system::error_code& error);
  void Finish(absl::StatusOr<Socket> result);

  TimerQueue* timers_;
  const core::Address address_;
  boost::asio::ip::tcp::resolver resolver_;
  Socket socket_;
  Timer timeout_;
  Done done_;
  size_t rotation_ = 0;
  std::vector<Endpoint> endpoints_;
  size_t tried_ = 0;
};

}  // namespace stratus::gateway::upstream
