// One attempt to connect to one endpoint, TLS handshake included.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/http/tls_context.h"
#include "gateway/http/transport.h"
#include "gateway/upstream/resolver.h"
#include "gateway/upstream/timer_queue.h"

namespace stratus::gateway::upstream {

class Connector final : public std::enable_shared_from_this<Connector>, private http::TransportEvents {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  // Called once, from the loop, unless Stop came first.
  using Done = std::function<void(absl::StatusOr<http::TransportPtr>)>;

  // `tls` is null for plain connections, and outlives the connector.
  Connector(boost::asio::io_context& io, TimerQueue* timers, const EndpointAddress& address,
            const http::TlsClientContext* tls);

  // `timeout` bounds the attempt.
  void Start(absl::Duration timeout, Done done);
  void Stop();

 private:
  // http::TransportEvents: the handshake has ended, one way or the other.
  void OnRead(ssize_t) override {}
  void OnWritable() override;

  void OnConnect(const boost::system::error_code& error);
  void Finish(absl::StatusOr<http::TransportPtr> result);
  void Fail(std::string_view what, std::string_view why);

  boost::asio::io_context& io_;
  TimerQueue* timers_;
  const EndpointAddress address_;
  const http::TlsClientContext* tls_;
  Socket socket_;
  http::TransportPtr handshake_;  // while it shakes hands
  const std::shared_ptr<std::string> handshake_error_ = std::make_shared<std::string>();
  Timer timeout_;
  Done done_;
};

}  // namespace stratus::gateway::upstream
