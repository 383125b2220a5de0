// What every program that listens shares: an address is one program's, and who comes second is told whose it is.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/core/address.h"

namespace stratus::core {

// UNAVAILABLE: `cannot listen on 127.0.0.1:8080: Address already in use by stratus-gateway (pid 4711)`. `error` is an
// errno; the holder is named where it is EADDRINUSE and /proc shows it.
absl::Status CannotListen(const Address& address, int error);

// `PROGRAM (pid N)` of a process that listens on the address's port or path, or empty: there is none, or it is another
// user's. For messages alone: it is out of date as soon as it is there.
std::string ListenerOf(const Address& address);

// Holds the folder of a Unix socket's path, so that of two programs that start at once neither takes the other's new
// socket for a stale one. Held from RemoveStaleSocket until listen(2) has returned. Blocks for that short time.
class SocketFolderLock {
 public:
  // UNAVAILABLE: the folder cannot be opened.
  static absl::StatusOr<SocketFolderLock> Take(const Address& address);
  SocketFolderLock(SocketFolderLock&& other) noexcept;
  SocketFolderLock& operator=(SocketFolderLock&&) = delete;
  ~SocketFolderLock();

 private:
  explicit SocketFolderLock(int fd) : fd_(fd) {}
  int fd_;
};

// Clears the way for bind(2) to a Unix socket: removes a socket's file that nobody listens on, left over from a program
// that is gone. UNAVAILABLE: somebody listens there, or the path is too long for a socket. What is no socket stays.
absl::Status RemoveStaleSocket(const Address& address);

}  // namespace stratus::core
