#include "gateway/http/response_head.h"

#include <charconv>
#include <cstring>

namespace stratus::gateway::http {
namespace {

// Digits kept for content-length, filled with spaces at the left: optional white space before a value (RFC 9110, 5.5).
constexpr size_t kLengthWidth = 12;

struct Reason {
  int status;
  std::string_view line;
};

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\n";
constexpr Reason kReasons[] = {
    {201, "HTTP/1.1 201 Created\r\n"},
    {202, "HTTP/1.1 202 Accepted\r\n"},
    {204, "HTTP/1.1 204 No Content\r\n"},
    {206, "HTTP/1.1 206 Partial Content\r\n"},
    {301, "HTTP/1.1 301 Moved Permanently\r\n"},
    {302, "HTTP/1.1 302 Found\r\n"},
    {303, "HTTP/1.1 303 See Other\r\n"},
    {304, "HTTP/1.1 304 Not Modified\r\n"},
    {307, "HTTP/1.1 307 Temporary Redirect\r\n"},
    {308, "HTTP/1.1 308 Permanent Redirect\r\n"},
    {400, "HTTP/1.1 400 Bad Request\r\n"},
    {401, "HTTP/1.1 401 Unauthorized\r\n"},
    {403, "HTTP/1.1 403 Forbidden\r\n"},
    {404, "HTTP/1.1 404 Not Found\r\n"},
    {405, "HTTP/1.1 405 Method Not Allowed\r\n"},
    {406, "HTTP/1.1 406 Not Acceptable\r\n"},
    {408, "HTTP/1.1 408 Request Timeout\r\n"},
    {409, "HTTP/1.1 409 Conflict\r\n"},
    {412, "HTTP/1.1 412 Precondition Failed\r\n"},
    {413, "HTTP/1.1 413 Content Too Large\r\n"},
    {414, "HTTP/1.1 414 URI Too Long\r\n"},
    {415, "HTTP/1.1 415 Unsupported Media Type\r\n"},
    {417, "HTTP/1.1 417 Expectation Failed\r\n"},
    {422, "HTTP/1.1 422 Unprocessable Content\r\n"},
    {429, "HTTP/1.1 429 Too Many Requests\r\n"},
    {431, "HTTP/1.1 431 Request Header Fields Too Large\r\n"},
    {499, "HTTP/1.1 499 Client Closed Request\r\n"},
    {500, "HTTP/1.1 500 Internal Server Error\r\n"},
    {501, "HTTP/1.1 501 Not Implemented\r\n"},
    {502, "HTTP/1.1 502 Bad Gateway\r\n"},
    {503, "HTTP/1.1 503 Service Unavailable\r\n"},
    {504, "HTTP/1.1 504 Gateway Timeout\r\n"},
    {505, "HTTP/1.1 505 HTTP Version Not Supported\r\n"},
};
constexpr size_t kStatusLineMax = 64;

char* Put(char* to, std::string_view text) {
  if (!text.empty()) std::memcpy(to, text.data(), text.size());  // an empty view may be null
  return to + text.size();
}

char* PutStatusLine(char* to, int status) {
  if (status == 200) return Put(to, kOk);
  for (const Reason& reason : kReasons) {
    if (reason.status == status) return Put(to, reason.line);
  }
  // A reason phrase may be empty (RFC 9112, 4).
  to = Put(to, "HTTP/1.1 ");
  to = std::to_chars(to, to + 16, status).ptr;
  return Put(to, " \r\n");
}

}  // namespace

bool IsSafeHeaderValue(std::string_view value) {
  // Eight bytes at a time: whether one is below 0x10, as all three are. The carry of a subtraction may tell of a byte
  // above such a one too, never of one where there is none.
  constexpr uint64_t kEach = 0x0101010101010101;
  const char* at = value.data();
  size_t left = value.size();
  for (; left >= sizeof(uint64_t); left -= sizeof(uint64_t), at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, at, sizeof word);
    if (((word - kEach * 0x10) & ~word & (kEach * 0x80)) != 0) break;
  }
  for (; left > 0; --left, ++at) {
    if (*at == '\r' || *at == '\n' || *at == '\0') return false;
  }
  return true;
}

size_t AppendResponseHead(const ResponseHead& head, Buffer* out) {
  constexpr std::string_view kLength = "content-length: ";
  constexpr std::string_view kChunked = "transfer-encoding: chunked\r\n";
  constexpr std::string_view kClose = "connection: close\r\n";
  constexpr std::string_view kKeepAlive = "connection: keep-alive\r\n";
  constexpr size_t kFixed = kStatusLineMax + kLength.size() + kLengthWidth + kChunked.size() + kKeepAlive.size() + 16;
  size_t room = kFixed + head.date.size();
  for (const Header& header : head.headers) room += header.name.size() + header.value.size() + 4;

  char* to = PutStatusLine(out->Reserve(room), head.status);
  for (const Header& header : head.headers) {
    if (!IsSafeHeaderValue(header.value)) continue;
    to = Put(Put(to, header.name), ": ");
    to = Put(Put(to, header.value), "\r\n");
  }
  to = Put(Put(Put(to, "date: "), head.date), "\r\n");
  if (head.persistence == Persistence::kClose) to = Put(to, kClose);
  if (head.persistence == Persistence::kKeepAlive) to = Put(to, kKeepAlive);
  size_t length_at = 0;
  if (head.framing == Framing::kChunked) to = Put(to, kChunked);
  if (head.framing == Framing::kLength) {
    to = Put(to, kLength);
    length_at = static_cast<size_t>(to - out->data());
    std::memset(to, ' ', kLengthWidth);
    to = Put(to + kLengthWidth, "\r\n");
  }
  out->SetEnd(Put(to, "\r\n"));
  return length_at;
}

void PatchLength(size_t offset, size_t length, Buffer* out) {
  char* at = out->data() + offset + kLengthWidth;
  do {
    *--at = static_cast<char>('0' + length % 10);
    length /= 10;
  } while (length > 0);
}

}  // namespace stratus::gateway::http
