// A server for tests that speaks bytes, not HTTP: for replies that no proper server gives.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "lib/core/mutex.h"

namespace stratus::http_client {

// False once the peer is gone.
inline bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(sent);
  }
  return true;
}

// Reads up to the end of a request's header; false when the peer closed before.
inline bool ReadRequest(int fd) {
  std::string header;
  char c;
  while (!header.ends_with("\r\n\r\n")) {
    if (recv(fd, &c, 1, 0) != 1) return false;
    header.push_back(c);
  }
  return true;
}

inline void ReadUntilClosed(int fd) {
  char block[1024];
  while (recv(fd, block, sizeof(block), 0) > 0) continue;
}

// One thread a connection; `serve` owns the conversation, the server closes the socket after it.
class RawServer {
 public:
  explicit RawServer(std::function<void(int fd)> serve) : serve_(std::move(serve)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 64) != 0) std::abort();
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    acceptor_ = std::thread([this] { Accept(); });
  }

  ~RawServer() {
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    close(listener_);
    {
      core::MutexLock lock(mutex_);
      for (const int fd : open_) shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
    for (const int fd : open_) close(fd);
  }
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  const std::string& address() const { return address_; }
  int connections() const { return connections_; }

 private:
  void Accept() {
    for (int fd; (fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
      ++connections_;
      core::MutexLock lock(mutex_);
      open_.push_back(fd);
      threads_.emplace_back([this, fd] {
        serve_(fd);
        shutdown(fd, SHUT_RDWR);  // closed by the destructor, so that the number is not used again before
      });
    }
  }

  const std::function<void(int fd)> serve_;
  int listener_;
  std::string address_;
  std::atomic<int> connections_ = 0;
  core::Mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace stratus::http_client
