#include "services/provisioning/egress/session.h"

#include <algorithm>
#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/read.hpp>
#include <limits>
#include <utility>

#include "services/provisioning/egress/http_request.h"

namespace stratus::provisioning::egress {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;

constexpr uint32_t kHeadBytesMax = 16 << 10;
constexpr size_t kAddressesMax = 8;

Tcp::endpoint EndpointOf(const Address& address, uint16_t port) {
  const asio::ip::address_v6 six(address);
  if (six.is_v4_mapped()) return {asio::ip::make_address_v4(asio::ip::v4_mapped, six), port};
  return {six, port};
}

// The two ends of a connected socket.
struct Ends {
  std::optional<Address> local;
  std::optional<Address> peer;
};

Ends EndsOf(const Tcp::socket& socket) {
  boost::system::error_code local_error;
  boost::system::error_code peer_error;
  const Tcp::endpoint local = socket.local_endpoint(local_error);
  const Tcp::endpoint peer = socket.remote_endpoint(peer_error);
  Ends ends;
  if (!local_error) ends.local = AddressOf(*local.data());
  if (!peer_error) ends.peer = AddressOf(*peer.data());
  return ends;
}

}  // namespace

Session::Session(Proxy* proxy, asio::local::stream_protocol::socket client, std::shared_ptr<void> slot)
    : proxy_(*proxy),
      slot_(std::move(slot)),
      client_(std::move(client)),
      upstream_(client_.get_executor()),
      timer_(client_.get_executor()) {}

void Session::ReadHead() {
  Arm(proxy_.limits().head_max);
  parser_.header_limit(kHeadBytesMax);
  // Bodies are not read here. (boost::none, in 1.74, is a limit of nothing.)
  parser_.body_limit(std::numeric_limits<uint64_t>::max());
  http::async_read_header(client_, buffer_, parser_,
                          [self = shared_from_this()](ErrorCode error, size_t) { self->OnHead(error); });
}

void Session::OnHead(ErrorCode error) {
  if (error == http::error::end_of_stream || error == asio::error::operation_aborted) return Close();
  if (error || !ReadTarget()) {
    return Refuse(400, Outcome::kMalformed, "Stratus: this is a proxy: CONNECT HOST:PORT, or an http:// address");
  }
  JudgeHost();
}

bool Session::ReadTarget() {
  const auto& head = parser_.get();
  const std::string_view asked(head.target().data(), head.target().size());
  if (head.method() == http::verb::connect) {
    const auto target = ParseTarget(asked, 0);
    if (target) target_ = *target;
    return target.has_value();
  }
  auto url = ParseHttpUrl(asked);
  if (!url) return false;
  target_ = std::move(url->target);
  path_ = std::move(url->path);
  return true;
}

void Session::JudgeHost() {
  Arm(proxy_.limits().connect_max);
  if (!IsAllowed(proxy_.policy().allow, target_)) {
    return Refuse(403, Outcome::kHost,
                  "Stratus refused " + ToText(target_) + ": not on this run's list of hosts (--egress-allow)");
  }
  if (const auto literal = ParseAddress(target_.host)) return OnResolved({*literal});
  proxy_.resolve()(target_.host, [self = shared_from_this()](std::vector<Address> addresses) {
    if (self->client_.is_open()) self->OnResolved(std::move(addresses));
  });
}

void Session::OnResolved(std::vector<Address> addresses) {
  if (addresses.empty()) {
    return Refuse(502, Outcome::kUnresolved, "Stratus found no address of " + target_.host);
  }
  const auto own = HostAddresses();
  if (!own) return Refuse(502, Outcome::kUnreachable, "Stratus cannot tell its own addresses");
  std::pair<Address, AddressClass> refused = {};
  for (const Address& address : addresses) {
    const AddressClass kind = Judge(address, proxy_.policy().networks, *own);
    if (kind == AddressClass::kPublic) {
      if (addresses_.size() < kAddressesMax) addresses_.push_back(address);
    } else {
      refused = {address, kind};
    }
  }
  if (addresses_.empty()) return RefuseAddress(refused.first, refused.second);
  std::reverse(addresses_.begin(), addresses_.end());
  ConnectNext();
}

void Session::RefuseAddress(const Address& address, AddressClass kind) {
  const std::string text = ToText(address);
  const std::string name(ClassName(kind));
  const std::string remedy = kind == AddressClass::kPrivate ? " (--egress-network)" : ", which no setting opens";
  Refuse(403, Outcome::kAddress,
         "Stratus refused " + ToText(target_) + ": " + text + " is a " + name + " address" + remedy, text, name);
}

void Session::Forward(const Target& target) {
  target_ = target;
  trusted_ = true;
  Arm(proxy_.limits().connect_max);
  addresses_ = {ParseAddress(target.host).value()};  // ParsePolicy lets nothing else be
  ConnectNext();
}

void Session::ConnectNext() {
  if (addresses_.empty()) {
    return Refuse(502, Outcome::kUnreachable, "Stratus cannot connect to " + ToText(target_) + ": " + last_failure_);
  }
  const Address address = addresses_.back();
  addresses_.pop_back();
  ErrorCode ignored;
  upstream_.close(ignored);
  upstream_.async_connect(EndpointOf(address, target_.port),
                          [self = shared_from_this(), address](ErrorCode error) { self->OnConnected(error, address); });
}

void Session::OnConnected(ErrorCode error, const Address& address) {
  if (!client_.is_open()) return;
  if (error) {
    last_failure_ = error.message();
    return ConnectNext();
  }
  if (trusted_) return Begin(address);
  // Who it is connected to in the end. An address that is local by a route, which no interface shows, has itself as
  // the other end.
  const Ends ends = EndsOf(upstream_);
  const auto own = HostAddresses();
  if (!ends.peer || !ends.local || !own) {
    last_failure_ = "the connection is gone";
    return ConnectNext();
  }
  AddressClass kind = Judge(*ends.peer, proxy_.policy().networks, *own);
  if (*ends.peer == *ends.local) kind = AddressClass::kHost;
  if (kind != AddressClass::kPublic) return RefuseAddress(*ends.peer, kind);
  Begin(address);
}

void Session::Begin(const Address& address) {
  proxy_.journal().Add(
      {.outcome = Outcome::kConnected, .target = ToText(target_), .address = ToText(address), .address_class = {}});
  ErrorCode ignored;
  upstream_.set_option(Tcp::no_delay(true), ignored);
  const auto rest = buffer_.data();
  const std::string sent_ahead(static_cast<const char*>(rest.data()), rest.size());
  if (trusted_) return SendFirst("", "");
  if (path_.empty()) return SendFirst("HTTP/1.1 200 Connection established\r\n\r\n", sent_ahead);
  SendFirst("", OriginHead(parser_.get(), target_, path_) + sent_ahead);
}

void Session::SendFirst(std::string to_client, std::string to_upstream) {
  Arm(proxy_.limits().idle_max);
  reply_ = std::move(to_client);
  first_ = std::move(to_upstream);
  asio::async_write(client_, asio::buffer(reply_), [self = shared_from_this()](ErrorCode error, size_t) {
    if (error) return self->Close();
    self->Pump(self->upstream_, self->client_, self->in_);
  });
  asio::async_write(upstream_, asio::buffer(first_), [self = shared_from_this()](ErrorCode error, size_t) {
    if (error) return self->Close();
    self->Pump(self->client_, self->upstream_, self->out_);
  });
}

template <typename From, typename To>
void Session::Pump(From& from, To& to, Flow& flow) {
  from.async_read_some(asio::buffer(flow.bytes),
                       [this, self = shared_from_this(), &from, &to, &flow](ErrorCode error, size_t size) {
                         if (error && error != asio::error::eof) return Close();
                         if (error) {
                           ErrorCode ignored;
                           to.shutdown(asio::socket_base::shutdown_send, ignored);
                           return OnFlowEnd(flow);
                         }
                         Arm(proxy_.limits().idle_max);
                         asio::async_write(to, asio::buffer(flow.bytes.data(), size),
                                           [this, self, &from, &to, &flow](ErrorCode write_error, size_t) {
                                             if (write_error) return Close();
                                             Pump(from, to, flow);
                                           });
                       });
}

void Session::OnFlowEnd(Flow& flow) {
  flow.ended = true;
  if (in_.ended && out_.ended) Close();
}

void Session::RefuseTooMany() {
  Arm(proxy_.limits().head_max);
  Refuse(503, Outcome::kTooMany, "Stratus: this run has too many connections open");
}

void Session::Refuse(int status, Outcome outcome, const std::string& sentence, std::string_view address,
                     std::string_view address_class) {
  proxy_.journal().Add({.outcome = outcome,
                        .target = target_.port == 0 ? "" : ToText(target_),
                        .address = std::string(address),
                        .address_class = std::string(address_class)});
  // A fixed place speaks whatever it speaks: there is no answer that its client would understand.
  if (trusted_) return Close();
  reply_ = RefusalText(status, sentence);
  Arm(proxy_.limits().head_max);
  asio::async_write(client_, asio::buffer(reply_), [self = shared_from_this()](ErrorCode, size_t) { self->Close(); });
}

void Session::Arm(std::chrono::milliseconds time) {
  const bool waits = deadline_ != std::chrono::steady_clock::time_point::max();
  const auto before = std::exchange(deadline_, std::chrono::steady_clock::now() + time);
  // Moving the deadline on is enough: the timer looks at it when it fires.
  if (waits && before <= deadline_) return;
  timer_.expires_at(deadline_);
  timer_.async_wait([self = shared_from_this()](ErrorCode error) {
    if (!error) self->OnTimer();
  });
}

void Session::OnTimer() {
  if (std::chrono::steady_clock::now() >= deadline_) return Close();
  timer_.expires_at(deadline_);
  timer_.async_wait([self = shared_from_this()](ErrorCode error) {
    if (!error) self->OnTimer();
  });
}

void Session::Close() {
  ErrorCode ignored;
  client_.close(ignored);
  upstream_.close(ignored);
  timer_.cancel();
}

}  // namespace stratus::provisioning::egress
