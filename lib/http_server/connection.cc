#include "lib/http_server/connection.h"

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>
#include <exception>

#include "absl/strings/ascii.h"
#include "lib/core/log.h"
#include "lib/core/status.h"
#include "lib/http_server/target.h"

namespace stratus::http_server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr uint32_t kHeaderBytesMax = 32 << 10;
constexpr size_t kDrainBlock = 16 << 10;
constexpr size_t kDrainBytesMax = 4 << 20;

std::string_view ToStd(beast::string_view text) { return {text.data(), text.size()}; }
beast::string_view ToBeast(std::string_view text) { return {text.data(), text.size()}; }

Response Plain(int status, std::string_view text) {
  Response response;
  response.status = status;
  response.headers = {{"content-type", "text/plain; charset=utf-8"}};
  response.body = text;
  return response;
}

// Nothing when the path is not decodable.
std::optional<Request> ToRequest(http::request<http::string_body>&& message) {
  const auto [path, query] = SplitTarget(ToStd(message.target()));
  auto decoded = PercentDecode(path, false);
  if (!decoded) return std::nullopt;
  Request request;
  request.method = std::string(ToStd(message.method_string()));
  request.path = *std::move(decoded);
  request.query = std::string(query);
  for (const auto& field : message) {
    request.headers.emplace_back(absl::AsciiStrToLower(core::ToAbsl(ToStd(field.name_string()))),
                                 std::string(ToStd(field.value())));
  }
  request.body = std::move(message.body());
  return request;
}

bool BreaksLines(const Response& response) {
  const auto bad = [](const std::string& text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) != text.npos;
  };
  return std::any_of(response.headers.begin(), response.headers.end(),
                     [&](const auto& header) { return bad(header.first) || bad(header.second); });
}

Response Answer(const Handler& handler, const Request& request) {
  try {
    Response response = handler(request);
    if (!BreaksLines(response)) return response;
    core::Log(core::Severity::kError, "a reply's header holds a line break", {{"path", request.path}});
  } catch (const std::exception& error) {
    core::Log(core::Severity::kError, "a request handler threw", {{"path", request.path}, {"error", error.what()}});
  }
  return Plain(500, "internal error\n");
}

}  // namespace

Connection::Connection(Socket socket, const Handler& handler, const Options& options, std::shared_ptr<void> slot)
    : stream_(std::move(socket)),
      delay_(stream_.get_executor()),
      handler_(handler),
      options_(options),
      slot_(std::move(slot)) {}

void Connection::Start() {
  asio::dispatch(stream_.get_executor(), [self = shared_from_this()] { self->ReadHeader(); });
}

void Connection::ReadHeader() {
  parser_.emplace();
  parser_->header_limit(kHeaderBytesMax);
  parser_->body_limit(options_.body_bytes_max);
  stream_.expires_after(absl::ToChronoNanoseconds(options_.idle_timeout));
  http::async_read_header(stream_, buffer_, *parser_,
                          [self = shared_from_this()](beast::error_code error, size_t) { self->OnHeader(error); });
}

void Connection::OnHeader(beast::error_code error) {
  if (error) return Refuse(error);
  if (!beast::iequals(parser_->get()[http::field::expect], "100-continue")) return ReadBody();
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(stream_, asio::buffer(kContinue.data(), kContinue.size()),
                    [self = shared_from_this()](beast::error_code failed, size_t) {
                      if (!failed) self->ReadBody();
                    });
}

void Connection::ReadBody() {
  http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](beast::error_code error, size_t) {
    if (error) return self->Refuse(error);
    self->OnRequest();
  });
}

void Connection::OnRequest() {
  stream_.expires_never();  // the handler's time is the handler's business
  keep_alive_ = parser_->get().keep_alive();
  head_only_ = parser_->get().method() == http::verb::head;
  std::optional<Request> request = ToRequest(parser_->release());
  if (!request) {
    keep_alive_ = false;
    return Send(Plain(400, "the path is not percent-encoded properly\n"));
  }
  Response response = Answer(handler_, *request);
  if (response.delay <= absl::ZeroDuration()) return Send(std::move(response));
  delay_.expires_after(absl::ToChronoNanoseconds(response.delay));
  delay_.async_wait([self = shared_from_this(), response = std::move(response)](beast::error_code error) mutable {
    if (!error) self->Send(std::move(response));
  });
}

void Connection::Refuse(beast::error_code error) {
  keep_alive_ = false;
  head_only_ = false;
  if (error == http::error::body_limit) return Send(Plain(413, "the body is too large\n"));
  if (error == http::error::header_limit) return Send(Plain(431, "the header is too large\n"));
  // Closed, idle for too long, or cut in the middle of a message: nobody is left to be told.
  const bool malformed = error.category() == http::make_error_code(http::error::bad_method).category() &&
                         error != http::error::end_of_stream && error != http::error::partial_message;
  if (malformed) Send(Plain(400, "not a valid HTTP request\n"));
}

void Connection::Send(Response response) {
  if (response.hang_up) return Close();
  const bool cut = response.cut_after_bytes >= 0 && !head_only_;
  reply_.emplace();
  reply_->result(static_cast<unsigned>(response.status));
  for (const auto& [name, value] : response.headers) reply_->insert(ToBeast(name), ToBeast(value));
  reply_->keep_alive(keep_alive_ && !cut);
  // A HEAD reply states the length of the GET reply and has no body; a cut one breaks its promise on purpose.
  reply_->content_length(response.body.size());
  if (head_only_) response.body.clear();
  if (cut) response.body.resize(std::min<size_t>(response.body.size(), response.cut_after_bytes));
  reply_->body() = std::move(response.body);
  stream_.expires_after(absl::ToChronoNanoseconds(options_.idle_timeout));
  const bool again = keep_alive_ && !cut;
  http::async_write(stream_, *reply_, [self = shared_from_this(), again](beast::error_code error, size_t) {
    if (error) return;
    if (again) return self->ReadHeader();
    self->Close();
  });
}

void Connection::Close() {
  // Read what the peer still sends before closing: a socket closed with unread bytes resets, and the reset may overtake
  // the reply (a 413 to a large upload). The idle timeout bounds it.
  beast::error_code ignored;
  stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
  Drain();
}

void Connection::Drain() {
  buffer_.clear();
  drained_bytes_ += kDrainBlock;
  if (drained_bytes_ > kDrainBytesMax) return;
  stream_.async_read_some(buffer_.prepare(kDrainBlock), [self = shared_from_this()](beast::error_code error, size_t) {
    if (!error) self->Drain();
  });
}

}  // namespace stratus::http_server
