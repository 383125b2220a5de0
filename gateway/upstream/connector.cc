#include "gateway/upstream/connector.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/http/socket_transport.h"
#include "gateway/http/tls_transport.h"
#include "lib/core/status.h"

namespace stratus::gateway::upstream {

Connector::Connector(boost::asio::io_context& io, TimerQueue* timers, const EndpointAddress& address,
                     const http::TlsClientContext* tls)
    : io_(io),
      timers_(timers),
      address_(address),
      tls_(tls),
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
  handshake_.reset();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Connector::OnConnect(const boost::system::error_code& error) {
  if (!done_) return;
  if (error) {
    Fail("cannot connect to the upstream ", error.message());
    return;
  }
  boost::system::error_code failed;
  socket_.non_blocking(true, failed);
  const int family = address_.endpoint.protocol().family();
  const int fd = socket_.release(failed);
  if (failed) {
    Fail("cannot connect to the upstream ", failed.message());
    return;
  }
  http::TransportPtr plain = http::MakeSocketTransport(io_, fd, family);
  if (tls_ == nullptr) {
    Finish(std::move(plain));
    return;
  }
  handshake_ = http::MakeTlsTransport(io_, std::move(plain), tls_->NewSession(address_.host), handshake_error_);
  handshake_->SetEvents(this);
  handshake_->AwaitWritable();
}

void Connector::OnWritable() {
  const std::shared_ptr<Connector> self = shared_from_this();
  if (handshake_->TryWrite({}) < 0) {
    Fail("no TLS with the upstream ", *handshake_error_);
  } else if (handshake_->application_protocol() != "h2") {
    Fail("no TLS with the upstream ", "it does not speak HTTP/2");
  } else {
    Finish(std::move(handshake_));
  }
}

void Connector::Fail(std::string_view what, std::string_view why) {
  Finish(absl::UnavailableError(absl::StrCat(core::ToAbsl(what), address_.name, ": ", core::ToAbsl(why))));
}

void Connector::Finish(absl::StatusOr<http::TransportPtr> result) {
  const std::shared_ptr<Connector> self = shared_from_this();
  Done done = std::move(done_);
  Stop();
  done(std::move(result));
}

}  // namespace stratus::gateway::upstream
