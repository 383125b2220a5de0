#include "gateway/testing/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::gateway::testing {

RawClient::RawClient(const std::string& address) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const size_t colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(std::atoi(address.c_str() + colon + 1)));
  ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
  const timeval patience{120, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) std::abort();
}

RawClient::~RawClient() { ::close(fd_); }

void RawClient::Send(std::string_view method, std::string_view target, std::string_view headers,
                     std::string_view body) {
  std::string text = absl::StrCat(core::ToAbsl(method), " ", core::ToAbsl(target), " HTTP/1.1\r\nHost: test\r\n",
                                  core::ToAbsl(headers));
  if (!body.empty()) absl::StrAppend(&text, "Content-Length: ", body.size(), "\r\n");
  absl::StrAppend(&text, "\r\n", core::ToAbsl(body));
  SendBytes(text);
}

size_t RawClient::SendBytes(std::string_view bytes, int patience_ms) {
  size_t total = 0;
  while (total < bytes.size()) {
    pollfd wait{fd_, POLLOUT, 0};
    if (::poll(&wait, 1, patience_ms) <= 0) break;
    const ssize_t sent = ::send(fd_, bytes.data() + total, bytes.size() - total, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) break;
    total += static_cast<size_t>(sent);
  }
  return total;
}

bool RawClient::Fill() {
  char piece[16384];
  const ssize_t got = ::recv(fd_, piece, sizeof(piece), 0);
  if (got <= 0) return false;
  buffer_.append(piece, static_cast<size_t>(got));
  return true;
}

bool RawClient::ReadLine(std::string* line) {
  size_t end;
  while ((end = buffer_.find("\r\n")) == std::string::npos) {
    if (!Fill()) return false;
  }
  *line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return true;
}

bool RawClient::ReadBytes(size_t count, std::string* out) {
  while (buffer_.size() < count) {
    if (!Fill()) break;
  }
  const size_t got = std::min(count, buffer_.size());
  out->append(buffer_, 0, got);
  buffer_.erase(0, got);
  return got == count;
}

RawResponse RawClient::ReceiveHead() {
  RawResponse response;
  std::string line;
  if (!ReadLine(&line) || line.size() < 12) return response;
  response.status = std::atoi(line.c_str() + 9);
  while (ReadLine(&line) && !line.empty()) {
    const size_t colon = line.find(':');
    response.headers[absl::AsciiStrToLower(line.substr(0, colon))] =
        std::string(absl::StripAsciiWhitespace(line.substr(colon + 1)));
  }
  return response;
}

bool RawClient::ReceiveChunk(std::string* chunk) {
  chunk->clear();
  std::string line;
  if (!ReadLine(&line)) return false;
  const size_t size = std::strtoull(line.c_str(), nullptr, 16);
  return size > 0 && ReadBytes(size, chunk) && ReadLine(&line);
}

RawResponse RawClient::Receive(bool head) {
  RawResponse response = ReceiveHead();
  std::string line;
  if (response.status == 0) return response;
  if (head || response.status == 204 || response.status == 304) {
    response.complete = true;
    return response;
  }
  if (response.headers.count("content-length") != 0) {
    response.complete =
        ReadBytes(std::strtoull(response.headers["content-length"].c_str(), nullptr, 10), &response.body);
    return response;
  }
  while (ReadLine(&line)) {
    const size_t size = std::strtoull(line.c_str(), nullptr, 16);
    if (size == 0) {
      response.complete = ReadLine(&line);
      break;
    }
    if (!ReadBytes(size, &response.body) || !ReadLine(&line)) break;
  }
  return response;
}

RawResponse RawClient::Get(std::string_view target, std::string_view headers) {
  Send("GET", target, headers);
  return Receive();
}

RawResponse RawClient::Post(std::string_view target, std::string_view json) {
  Send("POST", target, "Content-Type: application/json\r\n", json);
  return Receive();
}

}  // namespace stratus::gateway::testing
