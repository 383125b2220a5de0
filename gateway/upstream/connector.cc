#include "gateway/upstream/connector.h"

#include <boost/asio/ip/tcp.hpp>
#include <utility>

#include "absl/strings/str_cat.h"

namespace stratus::gateway::upstream {

Connector::Connector(boost::asio::io_context& io, TimerQueue* timers, const EndpointAddress& address)
    : timers_(timers),
      address_(address),
      socket_(io),
      timeout_(
          [](void* context) {
            Connector* self = static_cast<Connector*>(context);
            self->Finish(
                absl::UnavailableError(absl::StrCat("connecting to the upstream ", self->address_.name, " timed out")));
          },
          this) {}

void Connector::Start(absl::Duration timeout, Done done) {
  done_ = std::move(done);
  timers_->Arm(&timeout_, TimerQueue::Now() + absl::ToInt64Nanoseconds(timeout));
  socket_.async_connect(address_.endpoint, [self = shared_from_this()](const boost::system::error_code& error) {
    self->OnConnect(error);
  });
}

void Connector::Stop() {
  done_ = nullptr;
  timeout_.Disarm();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Connector::OnConnect(const boost::system::error_code& error) {
  if (!done_) return;
  if (error) {
    Finish(
        absl::UnavailableError(absl::StrCat("cannot connect to the upstream ", address_.name, ": ", error.message())));
    return;
  }
  boost::system::error_code failed;
  socket_.non_blocking(true, failed);
  const int family = address_.endpoint.protocol().family();
  if (family == AF_INET || family == AF_INET6) {
    socket_.set_option(boost::asio::ip::tcp::no_delay(true), failed);
  }
  Finish(std::move(socket_));
}

void Connector::Finish(absl::StatusOr<Socket> result) {
  const std::shared_ptr<Connector> self = shared_from_this();
  Done done = std::move(done_);
  Stop();
  done(std::move(result));
}

}  // namespace stratus::gateway::upstream
