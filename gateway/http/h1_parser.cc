#include "gateway/http/h1_parser.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>
#include <optional>

#include "absl/strings/match.h"
#include "boost/asio/buffer.hpp"
#include "boost/beast/http/basic_parser.hpp"
#include "gateway/http/authority.h"
#include "lib/core/status.h"

namespace stratus::gateway::http {
namespace {

namespace beast_http = boost::beast::http;
using boost::beast::error_code;
using BeastView = boost::beast::string_view;

constexpr Refusal kMalformed = {400, "the request is not well-formed HTTP/1.1"};
constexpr Refusal kBadVersion = {505, "only HTTP/1.0, HTTP/1.1 and HTTP/2 are spoken here"};
constexpr Refusal kBadHost = {400, "the request must have exactly one valid Host header"};
constexpr Refusal kBadTarget = {400, "the request target is not a path, an http URL, or * with OPTIONS"};
constexpr Refusal kBadLength = {400, "the request must have at most one Content-Length, and it must be a number"};
constexpr Refusal kBothLengths = {400, "the request has both Content-Length and Transfer-Encoding"};
constexpr Refusal kBadCoding = {501, "the only transfer coding understood is chunked"};
constexpr Refusal kOldCoding = {400, "an HTTP/1.0 request cannot have Transfer-Encoding"};
constexpr Refusal kManyHeaders = {431, "the request has too many headers"};
constexpr Refusal kBadExpect = {417, "the only expectation understood is 100-continue"};
constexpr Refusal kConnect = {405, "CONNECT is not supported"};
constexpr Refusal kBadChunk = {400, "the request body is not well-formed chunked coding"};
constexpr Refusal kFoldedTrailer = {400, "a trailer line of the request is folded"};

// Of a chunk's size line, or of all the trailers: Beast needs each whole.
constexpr size_t kChunkLineMax = 16 << 10;
// Of a chunk's extensions alone.
constexpr size_t kExtensionBytesMax = 4 << 10;

// What surely fits RequestHead::content_length.
constexpr size_t kLengthDigitsMax = 18;

std::string_view View(BeastView view) { return {view.data(), view.size()}; }

bool IsDigits(std::string_view text) {
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
  }
  return !text.empty();
}

void LowerCase(std::string_view text) {
  // The view is of the caller's own bytes, which ParseHead may change.
  char* bytes = const_cast<char*>(text.data());
  for (size_t i = 0; i < text.size(); ++i) {
    if (bytes[i] >= 'A' && bytes[i] <= 'Z') bytes[i] = static_cast<char>(bytes[i] + ('a' - 'A'));
  }
}

const Refusal* SplitTarget(std::string_view target, RequestHead* head, bool* asterisk) {
  if (target.find('#') != std::string_view::npos) return &kBadTarget;
  if (target == "*") {
    if (head->method != "OPTIONS") return &kBadTarget;
    *asterisk = true;
    target = "/";
  } else if (target.front() != '/') {
    // Absolute form: its authority overrides Host (RFC 9112, 3.2.2).
    const size_t scheme = absl::StartsWithIgnoreCase(core::ToAbsl(target), "http://")    ? 7
                          : absl::StartsWithIgnoreCase(core::ToAbsl(target), "https://") ? 8
                                                                                         : 0;
    if (scheme == 0) return &kBadTarget;
    target.remove_prefix(scheme);
    const size_t end = target.find_first_of("/?");
    head->authority = target.substr(0, end);
    if (head->authority.empty() || !IsAuthority(head->authority)) return &kBadTarget;
    target = end == std::string_view::npos ? "/" : target.substr(end);
  }
  const size_t mark = target.find('?');
  head->path = target.substr(0, mark);
  head->query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  if (head->path.empty()) head->path = "/";
  return nullptr;
}

}  // namespace

// The parts that come from Beast. Reset for each request: a basic_parser reads one message.
class H1Parser::Message {
 public:
  explicit Message(size_t headers_max) : headers_max_(headers_max) {}

  const Refusal* ParseHead(char* bytes, size_t size, H1Head* head);
  const Refusal* ParseBody(std::string_view input, BodySink* sink, size_t* used);
  bool done() const { return parser_->is_done(); }
  uint64_t remaining() const { return remaining_; }

 private:
  class Parser final : public beast_http::basic_parser<true> {
   public:
    explicit Parser(Message* message) : message_(message) {
      header_limit(std::numeric_limits<uint32_t>::max());
      // Whoever answers decides how much is too much. (boost::none refuses every length in Boost 1.74.)
      body_limit(std::numeric_limits<uint64_t>::max());
      eager(true);
    }

   private:
    void on_request_impl(beast_http::verb, BeastView method, BeastView target, int version, error_code&) override {
      message_->OnRequestLine(View(method), View(target), version);
    }
    void on_field_impl(beast_http::field, BeastView name, BeastView value, error_code& error) override {
      if (!message_->OnField(View(name), View(value))) error = beast_http::error::bad_field;
    }
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<uint64_t>&, error_code&) override {}
    size_t on_body_impl(BeastView body, error_code&) override { return message_->OnPiece(View(body)); }
    void on_chunk_header_impl(uint64_t, BeastView extensions, error_code& error) override {
      if (extensions.size() > kExtensionBytesMax) error = beast_http::error::bad_chunk_extension;
      message_->sink_->OnChunk(extensions.size());
    }
    size_t on_chunk_body_impl(uint64_t, BeastView body, error_code&) override { return message_->OnPiece(View(body)); }
    void on_finish_impl(error_code&) override {}
    void on_response_impl(int, BeastView, int, error_code&) override {}

    Message* message_;
  };

  void OnRequestLine(std::string_view method, std::string_view target, int version);
  bool OnField(std::string_view name, std::string_view value);
  bool CheckTrailer(std::string_view name, std::string_view value);
  const Refusal* CheckFraming();
  const Refusal* CheckHost();
  size_t OnPiece(std::string_view piece) {
    if (remaining_ != kChunked) remaining_ -= piece.size();
    if (!piece.empty()) sink_->OnBodyPiece(piece);
    return piece.size();
  }

  static constexpr uint64_t kChunked = std::numeric_limits<uint64_t>::max();

  const size_t headers_max_;
  uint64_t remaining_ = 0;  // of the body, or kChunked
  std::optional<Parser> parser_;
  H1Head* head_ = nullptr;
  BodySink* sink_ = nullptr;
  std::string_view input_;  // of the ParseBody under way
  std::vector<Header> headers_;
  const Refusal* refusal_ = nullptr;
  std::string_view host_;
  std::string_view length_;
  std::string_view coding_;
  int hosts_ = 0;
  int lengths_ = 0;
  int codings_ = 0;
};

void H1Parser::Message::OnRequestLine(std::string_view method, std::string_view target, int version) {
  RequestHead& request = head_->request;
  request.method = method;
  request.protocol = version == 11 ? Protocol::kHttp11 : Protocol::kHttp10;
  refusal_ = method == "CONNECT" ? &kConnect : SplitTarget(target, &request, &head_->asterisk);
}

bool H1Parser::Message::OnField(std::string_view name, std::string_view value) {
  if (head_ == nullptr) return CheckTrailer(name, value);
  if (headers_.size() == headers_max_) {
    refusal_ = &kManyHeaders;
    return false;
  }
  LowerCase(name);
  headers_.push_back({name, value});
  switch (name.size()) {
    case 4:
      if (name == "host") ++hosts_, host_ = value;
      break;
    case 6:
      if (name != "expect" || head_->request.protocol == Protocol::kHttp10) break;
      head_->expects_continue = absl::EqualsIgnoreCase(core::ToAbsl(value), "100-continue");
      if (!head_->expects_continue && refusal_ == nullptr) refusal_ = &kBadExpect;
      break;
    case 14:
      if (name == "content-length") ++lengths_, length_ = value;
      break;
    case 17:
      if (name == "transfer-encoding") ++codings_, coding_ = value;
      break;
    default: break;
  }
  return true;
}

// Trailers of a chunked body are allowed and ignored, unless they are folded (RFC 9112, 5.2). Beast takes those: a
// value of several lines it puts together in memory of its own, and one that begins on the second line it finds behind
// that line's end.
bool H1Parser::Message::CheckTrailer(std::string_view name, std::string_view value) {
  const std::less_equal<const char*> not_behind;
  const char* const from = name.data() + name.size();
  const bool in_place = not_behind(from, value.data()) && not_behind(value.data(), input_.data() + input_.size());
  if (in_place && std::find(from, value.data(), '\n') == value.data()) return true;
  refusal_ = &kFoldedTrailer;
  return false;
}

// RFC 9112, 6.1 and 6.3: whatever two readers could understand differently is refused.
const Refusal* H1Parser::Message::CheckFraming() {
  if (codings_ > 0) {
    if (lengths_ > 0) return &kBothLengths;
    if (head_->request.protocol == Protocol::kHttp10) return &kOldCoding;
    if (codings_ > 1 || !absl::EqualsIgnoreCase(core::ToAbsl(coding_), "chunked")) return &kBadCoding;
    return nullptr;
  }
  if (lengths_ > 1 || (lengths_ == 1 && (!IsDigits(length_) || length_.size() > kLengthDigitsMax))) return &kBadLength;
  return nullptr;
}

// RFC 9112, 3.2.
const Refusal* H1Parser::Message::CheckHost() {
  const bool required = head_->request.protocol == Protocol::kHttp11;
  if (hosts_ > 1 || (required && hosts_ == 0) || !IsAuthority(host_)) return &kBadHost;
  if (head_->request.authority.empty()) head_->request.authority = host_;
  return nullptr;
}

const Refusal* H1Parser::Message::ParseHead(char* bytes, size_t size, H1Head* head) {
  *head = H1Head();
  head_ = head;
  headers_.clear();
  refusal_ = nullptr;
  host_ = length_ = coding_ = {};
  hosts_ = lengths_ = codings_ = 0;
  parser_.emplace(this);

  error_code error;
  const size_t used = parser_->put(boost::asio::const_buffer(bytes, size), error);
  head_ = nullptr;
  const auto judge = [&]() -> const Refusal* {
    head_ = head;
    if (refusal_ == &kManyHeaders) return refusal_;
    if (error == beast_http::error::bad_transfer_encoding) return lengths_ > 0 ? &kBothLengths : &kBadCoding;
    if (error == beast_http::error::bad_content_length) return codings_ > 0 ? &kBothLengths : &kBadLength;
    if (const Refusal* framing = CheckFraming()) return framing;
    if (error == beast_http::error::bad_version) return &kBadVersion;
    if (error && error != beast_http::error::need_more) return &kMalformed;
    if (!parser_->is_header_done() || used != size) return &kMalformed;
    if (refusal_ != nullptr) return refusal_;
    return CheckHost();
  };
  const Refusal* refusal = judge();
  head_ = nullptr;
  if (refusal != nullptr) return refusal;

  RequestHead& request = head->request;
  request.headers = headers_;
  request.has_body = !parser_->is_done();
  if (lengths_ > 0) std::from_chars(length_.data(), length_.data() + length_.size(), request.content_length);
  remaining_ = codings_ > 0 ? kChunked : static_cast<uint64_t>(std::max<int64_t>(request.content_length, 0));
  head->keep_alive = parser_->keep_alive();
  return nullptr;
}

const Refusal* H1Parser::Message::ParseBody(std::string_view input, BodySink* sink, size_t* used) {
  sink_ = sink;
  input_ = input;
  refusal_ = nullptr;
  size_t at = 0;
  error_code error;
  while (at < input.size() && !parser_->is_done()) {
    const size_t step = parser_->put(boost::asio::const_buffer(input.data() + at, input.size() - at), error);
    at += step;
    if (error) break;
  }
  *used = at;
  if (refusal_ != nullptr) return refusal_;
  if (error && error != beast_http::error::need_more) return &kBadChunk;
  if (error == beast_http::error::need_more && input.size() - at > kChunkLineMax) return &kBadChunk;
  return nullptr;
}

H1Parser::H1Parser(size_t headers_max) : message_(std::make_unique<Message>(headers_max)) {}
H1Parser::~H1Parser() = default;

const Refusal* H1Parser::ParseHead(char* bytes, size_t size, H1Head* head) {
  return message_->ParseHead(bytes, size, head);
}
const Refusal* H1Parser::ParseBody(std::string_view input, BodySink* sink, size_t* used) {
  return message_->ParseBody(input, sink, used);
}
bool H1Parser::body_done() const { return message_->done(); }
uint64_t H1Parser::body_remaining() const { return message_->remaining(); }

}  // namespace stratus::gateway::http
