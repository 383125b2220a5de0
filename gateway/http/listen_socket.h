// A bound, listening socket, and where it listens.
#pragma once

#include <utility>

#include "absl/status/statusor.h"
#include "lib/core/address.h"

namespace stratus::gateway::http {

class ListenSocket {
 public:
  // Binds TCP (port 0 asks for a free one) or a Unix socket, whose stale file is replaced: one that nobody accepts on.
  // The host must be a literal address or a name that resolves. UNAVAILABLE with the reason; where another program
  // listens on the address, or on one that overlaps it (0.0.0.0, [::]), with that program's name.
  static absl::StatusOr<ListenSocket> Bind(const core::Address& address);

  ListenSocket(ListenSocket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), address_(std::move(other.address_)), owns_path_(other.owns_path_) {
    other.owns_path_ = false;
  }
  ListenSocket& operator=(ListenSocket&&) = delete;
  // Closes. The first socket of a Unix path removes its file.
  ~ListenSocket();

  // Another socket on the same address, for another thread: the kernel spreads TCP connections over them; a Unix socket
  // is shared.
  absl::StatusOr<ListenSocket> Share() const;

  int fd() const { return fd_; }
  // With the port that was really bound.
  const core::Address& address() const { return address_; }

 private:
  ListenSocket(int fd, core::Address address, bool owns_path)
      : fd_(fd), address_(std::move(address)), owns_path_(owns_path) {}

  static absl::StatusOr<ListenSocket> BindTcp(const core::Address& address, bool shared);
  static absl::StatusOr<ListenSocket> BindUnix(const core::Address& address);

  int fd_;
  core::Address address_;
  bool owns_path_;
};

}  // namespace stratus::gateway::http
