#include "gateway/upstream/connector.h"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <string>

#include "absl/strings/str_cat.h"

namespace stratus::gateway::upstream {

using boost::asio::ip::tcp;

Connector::Connector(boost::asio::io_context& io, TimerQueue* timers, const core::Address& address)
    : timers_(timers),
      address_(address),
      resolver_(io),
      socket_(io),
      timeout_(
          [](void* self) {
            static_cast<Connector*>(self)->Finish(absl::UnavailableError(absl::StrCat(
                "connecting to the upstream ", static_cast<Connector*>(self)->address_.ToString(), " timed out")));
          },
          this) {}

void Connector::Start(size_t rotation, absl::Duration timeout, Done done) {
  rotation_ = rotation;
  done_ = std::move(done);
  timers_->Arm(&timeout_, TimerQueue::Now() + absl::ToInt64Nanoseconds(timeout));
  boost::system::error_code error;
  const auto literal = boost::asio::ip::make_address(address_.host, error);
  if (address_.is_unix()) {
    endpoints_.push_back(boost::asio::local::stream_protocol::endpoint(address_.unix_path));
  } else if (!error) {
    endpoints_.push_back(tcp::endpoint(literal, address_.port));
  } else {
    Resolve();
    return;
  }
  TryNext();
}

void Connector::Stop() {
  done_ = nullptr;
  timeout_.Disarm();
  resolver_.cancel();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Connector::Resolve() {
  resolver_.async_resolve(
      address_.host, std::to_string(address_.port),
      [self = shared_from_this()](const boost::system::error_code& error, const tcp::resolver::results_type& results) {
        if (!self->done_) return;
        if (error) {
          self->Finish(absl::UnavailableError(
              absl::StrCat("the upstream's name ", self->address_.host, " does not resolve: ", error.message())));
          return;
        }
        for (const auto& entry : results) self->endpoints_.push_back(entry.endpoint());
        self->TryNext();
      });
}

void Connector::TryNext() {
  const Endpoint endpoint = endpoints_[(rotation_ + tried_++) % endpoints_.size()];
  socket_.async_connect(
      endpoint, [self = shared_from_this()](const boost::system::error_code& error) { self->OnConnect(error); });
}

void Connector::OnConnect(const boost::system::error_code& error) {
  if (!done_) return;
  if (error) {
    boost::system::error_code ignored;
    socket_.close(ignored);
    if (tried_ < endpoints_.size()) {
      TryNext();
      return;
    }
    Finish(absl::UnavailableError(
        absl::StrCat("cannot connect to the upstream ", address_.ToString(), ": ", error.message())));
    return;
  }
  boost::system::error_code failed;
  socket_.non_blocking(true, failed);
  if (!address_.is_unix()) socket_.set_option(tcp::no_delay(true), failed);
  Finish(std::move(socket_));
}

void Connector::Finish(absl::StatusOr<Socket> result) {
  const std::shared_ptr<Connector> self = shared_from_this();
  Done done = std::move(done_);
  Stop();
  done(std::move(result));
}

}  // namespace stratus::gateway::upstream
