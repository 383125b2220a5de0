#include "gateway/http/testing/test_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace stratus::gateway::http::testing {
namespace {

constexpr timeval kPatience = {120, 0};

int Connect(const core::Address& address, int receive_buffer) {
  sockaddr_storage to = {};
  socklen_t size;
  if (address.is_unix()) {
    auto* name = reinterpret_cast<sockaddr_un*>(&to);
    name->sun_family = AF_UNIX;
    std::strncpy(name->sun_path, address.unix_path.c_str(), sizeof(name->sun_path) - 1);
    size = sizeof(sockaddr_un);
  } else if (address.host.find(':') != std::string::npos) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&to);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address.port);
    ::inet_pton(AF_INET6, address.host.c_str(), &v6->sin6_addr);
    size = sizeof(sockaddr_in6);
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&to);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    ::inet_pton(AF_INET, address.host.c_str(), &v4->sin_addr);
    size = sizeof(sockaddr_in);
  }
  const int fd = ::socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receive_buffer > 0) ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
  const int on = 1;
  if (!address.is_unix()) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), size) != 0) {
    ::close(fd);
    return -1;
  }
  return fd;
}

TestResponse ParseHead(std::string head) {
  TestResponse response;
  response.head = std::move(head);
  response.status = std::atoi(response.head.c_str() + std::strlen("HTTP/1.1 "));
  size_t at = response.head.find("\r\n") + 2;
  while (at < response.head.size()) {
    const size_t end = response.head.find("\r\n", at);
    const std::string line = response.head.substr(at, end - at);
    const size_t colon = line.find(':');
    if (colon != std::string::npos) {
      const size_t value = line.find_first_not_of(' ', colon + 1);
      response.headers.emplace(line.substr(0, colon), value == std::string::npos ? "" : line.substr(value));
    }
    at = end + 2;
  }
  return response;
}

}  // namespace

TestClient::TestClient(const core::Address& address, int receive_buffer) : fd_(Connect(address, receive_buffer)) {}

TestClient::~TestClient() {
  if (fd_ >= 0) ::close(fd_);
}

bool TestClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool TestClient::SendSome(std::string_view bytes) {
  constexpr int kPatienceMs = 1000;
  while (!bytes.empty()) {
    pollfd waiting{fd_, POLLOUT, 0};
    if (::poll(&waiting, 1, kPatienceMs) != 1) return false;
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool TestClient::SendByteByByte(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (!Send(bytes.substr(i, 1))) return false;
  }
  return true;
}

void TestClient::EndSending() { ::shutdown(fd_, SHUT_WR); }

void TestClient::Reset() {
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  ::close(fd_);
  fd_ = -1;
}

std::string TestClient::ReadSome() {
  if (!received_.empty()) return std::exchange(received_, {});
  char bytes[16 << 10];
  const ssize_t got = ::recv(fd_, bytes, sizeof(bytes), 0);
  if (got < 0 && errno == ECONNRESET) reset_ = true;
  return got > 0 ? std::string(bytes, static_cast<size_t>(got)) : std::string();
}

bool TestClient::Fill() {
  std::string before = std::exchange(received_, {});
  const std::string more = ReadSome();
  received_ = std::move(before) + more;
  return !more.empty();
}

std::string TestClient::ReadToEnd() {
  while (Fill()) {
  }
  return std::exchange(received_, {});
}

TestResponse TestClient::Read(bool head_request) {
  size_t end;
  while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
    if (!Fill()) return {};
  }
  TestResponse response = ParseHead(received_.substr(0, end + 2));
  received_.erase(0, end + 4);
  const bool bodiless = head_request || response.status < 200 || response.status == 204 || response.status == 304;
  if (bodiless) {
    response.complete = true;
  } else if (response.Header("transfer-encoding") == "chunked") {
    response.complete = ReadChunked(&response);
  } else if (const std::string length = response.Header("content-length"); !length.empty()) {
    const size_t size = std::strtoul(length.c_str(), nullptr, 10);
    while (received_.size() < size && Fill()) {
    }
    response.complete = received_.size() >= size;
    response.body = received_.substr(0, size);
    received_.erase(0, size);
  } else {
    response.body = ReadToEnd();
    response.complete = !reset_;
  }
  return response;
}

bool TestClient::ReadChunked(TestResponse* response) {
  while (true) {
    size_t line;
    while ((line = received_.find("\r\n")) == std::string::npos) {
      if (!Fill()) return false;
    }
    const size_t size = std::strtoul(received_.c_str(), nullptr, 16);
    while (received_.size() < line + 2 + size + 2) {
      if (!Fill()) return false;
    }
    response->body += received_.substr(line + 2, size);
    received_.erase(0, line + 2 + size + 2);
    if (size == 0) return true;
  }
}

}  // namespace stratus::gateway::http::testing
