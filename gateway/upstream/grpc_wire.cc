#include "gateway/upstream/grpc_wire.h"

#include <nghttp2/nghttp2.h>

#include <charconv>
#include <limits>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::gateway::upstream {
namespace {

struct Unit {
  char name;
  int64_t ns;
};
// From the finest to the coarsest.
constexpr Unit kUnits[] = {
    {'n', 1}, {'u', 1'000}, {'m', 1'000'000}, {'S', 1'000'000'000}, {'M', 60'000'000'000}, {'H', 3'600'000'000'000}};
constexpr int64_t kEightDigits = 99'999'999;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

absl::Status StatusOfHttp(int http_status) {
  absl::StatusCode code = absl::StatusCode::kUnknown;
  switch (http_status) {
    case 400: code = absl::StatusCode::kInternal; break;
    case 401: code = absl::StatusCode::kUnauthenticated; break;
    case 403: code = absl::StatusCode::kPermissionDenied; break;
    case 404: code = absl::StatusCode::kUnimplemented; break;
    case 429:
    case 502:
    case 503:
    case 504: code = absl::StatusCode::kUnavailable; break;
    default: break;
  }
  return absl::Status(code, absl::StrCat("the upstream answered with HTTP status ", http_status));
}

absl::Status StatusOfReset(uint32_t error_code, bool deadline_passed) {
  const std::string message = absl::StrCat("the upstream reset the stream: ", nghttp2_http2_strerror(error_code));
  switch (error_code) {
    case NGHTTP2_REFUSED_STREAM: return absl::UnavailableError(message);
    case NGHTTP2_CANCEL:
      // A server that enforces the same deadline resets the stream a moment before our own timer goes off.
      if (deadline_passed) return absl::DeadlineExceededError("the deadline passed before the upstream answered");
      return absl::CancelledError(message);
    case NGHTTP2_ENHANCE_YOUR_CALM: return absl::ResourceExhaustedError(message);
    case NGHTTP2_INADEQUATE_SECURITY: return absl::PermissionDeniedError(message);
    default: return absl::InternalError(message);
  }
}

bool IsGrpcContentType(std::string_view content_type) {
  constexpr std::string_view kGrpc = "application/grpc";
  if (!absl::StartsWithIgnoreCase(core::ToAbsl(content_type), core::ToAbsl(kGrpc))) return false;
  if (content_type.size() == kGrpc.size()) return true;
  const char next = content_type[kGrpc.size()];
  return next == '+' || next == ';' || next == ' ';
}

absl::Status StatusOfTrailers(absl::Span<const http::Header> trailers) {
  std::string_view code_text;
  std::string_view message;
  for (const http::Header& header : trailers) {
    if (header.name == "grpc-status") code_text = header.value;
    if (header.name == "grpc-message") message = header.value;
  }
  if (code_text == "0") return absl::OkStatus();
  int code = -1;
  const auto parsed = std::from_chars(code_text.data(), code_text.data() + code_text.size(), code);
  if (code_text.empty()) return absl::UnknownError("the upstream ended the call without a grpc-status");
  if (parsed.ec != std::errc() || parsed.ptr != code_text.data() + code_text.size() || code < 0 || code > 16) {
    return absl::UnknownError(absl::StrCat("the upstream ended the call with grpc-status `",
                                           absl::CHexEscape(core::ToAbsl(code_text.substr(0, 16))), "`"));
  }
  return absl::Status(static_cast<absl::StatusCode>(code), PercentDecode(message));
}

std::string PercentDecode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 && HexDigit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::string PercentEncode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte <= 0x7e && byte != '%') {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

size_t FormatTimeout(int64_t timeout_ns, char* out) {
  if (timeout_ns < 0) timeout_ns = 0;
  for (const Unit& unit : kUnits) {
    const int64_t count = timeout_ns / unit.ns + (timeout_ns % unit.ns != 0 ? 1 : 0);
    if (count > kEightDigits) continue;
    char* end = std::to_chars(out, out + kTimeoutLengthMax - 1, count).ptr;
    *end++ = unit.name;
    return static_cast<size_t>(end - out);
  }
  return 0;  // not reached: int64 nanoseconds are fewer than 10^8 hours
}

int64_t ParseTimeout(std::string_view text) {
  if (text.size() < 2 || text.size() > kTimeoutLengthMax) return -1;
  int64_t count = 0;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return -1;
    count = count * 10 + (c - '0');
  }
  for (const Unit& unit : kUnits) {
    if (unit.name != text.back()) continue;
    if (count > std::numeric_limits<int64_t>::max() / unit.ns) return std::numeric_limits<int64_t>::max();
    return count * unit.ns;
  }
  return -1;
}

}  // namespace stratus::gateway::upstream
