// One attempt to connect to one endpoint.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/upstream/resolver.h"
#include "gateway/upstream/timer_queue.h"

namespace stratus::gateway::upstream {

class Connector final : public std::enable_shared_from_this<Connector> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  // The socket is connected and non-blocking. Called once, from the loop, unless Stop came first.
  using Done = std::function<void(absl::StatusOr<Socket>)>;

  Connector(boost::asio::io_context& io, TimerQueue* timers, const EndpointAddress& address);

  // `timeout` bounds the attempt.
  void Start(absl::Duration timeout, Done done);
  void Stop();

 private:
  void OnConnect(const boost::system::error_code& error);
  void Finish(absl::StatusOr<Socket> result);

  TimerQueue* timers_;
  const EndpointAddress address_;
  Socket socket_;
  Timer timeout_;
  Done done_;
};

}  // namespace stratus::gateway::upstream
