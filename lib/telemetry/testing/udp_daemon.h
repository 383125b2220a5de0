// A UDP socket on a port of loopback, for tests of what sends to one.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <string>

namespace stratus::telemetry {

class UdpDaemon {
 public:
  UdpDaemon() : socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address_), sizeof(address_)), 0);
    socklen_t size = sizeof(address_);
    getsockname(socket_, reinterpret_cast<sockaddr*>(&address_), &size);
  }
  ~UdpDaemon() { Close(); }
  UdpDaemon(const UdpDaemon&) = delete;
  UdpDaemon& operator=(const UdpDaemon&) = delete;

  void Close() {
    if (socket_ >= 0) close(socket_);
    socket_ = -1;
  }

  const sockaddr_in& address() const { return address_; }
  uint16_t port() const { return ntohs(address_.sin_port); }
  // Waits for a datagram.
  std::string Receive() {
    std::string bytes(1 << 16, '\0');
    const ssize_t size = recv(socket_, bytes.data(), bytes.size(), 0);
    bytes.resize(size < 0 ? 0 : static_cast<size_t>(size));
    return bytes;
  }

 private:
  int socket_;
  sockaddr_in address_{};
};

}  // namespace stratus::telemetry
