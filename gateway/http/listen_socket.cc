#include "gateway/http/listen_socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "lib/core/listening.h"

namespace stratus::gateway::http {
namespace {

constexpr int kBacklog = 1024;

absl::StatusOr<uint16_t> BoundPort(int fd) {
  sockaddr_storage bound = {};
  socklen_t size = sizeof(bound);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return absl::InternalError(absl::StrCat("getsockname: ", std::strerror(errno)));
  }
  if (bound.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port);
  return ntohs(reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
}

}  // namespace

absl::StatusOr<ListenSocket> ListenSocket::Bind(const core::Address& address) {
  return address.is_unix() ? BindUnix(address) : BindTcp(address, /*shared=*/false);
}

// An address is one program's. The first socket listens without SO_REUSEPORT, which the kernel refuses, whoever was
// first to listen, where any other socket listens; only then may this program's own further sockets join it.
absl::StatusOr<ListenSocket> ListenSocket::BindTcp(const core::Address& address, bool shared) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failure = ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (failure != 0) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", address.ToString(), ": ", ::gai_strerror(failure)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, ::freeaddrinfo);
  const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return core::CannotListen(address, errno);
  ListenSocket socket(fd, address, false);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (shared && ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) {
    return core::CannotListen(address, errno);
  }
  // With SO_REUSEADDR two programs may both bind what neither listens on yet: listen is what only one of them can do.
  if (::bind(fd, found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd, kBacklog) != 0) {
    return core::CannotListen(address, errno);
  }
  if (!shared && ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) {
    return core::CannotListen(address, errno);
  }
  auto port = BoundPort(fd);
  if (!port.ok()) return port.status();
  socket.address_.port = *port;
  return socket;
}

absl::StatusOr<ListenSocket> ListenSocket::BindUnix(const core::Address& address) {
  const auto lock = core::SocketFolderLock::Take(address);
  if (!lock.ok()) return lock.status();
  if (absl::Status status = core::RemoveStaleSocket(address); !status.ok()) return status;
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, address.unix_path.data(), address.unix_path.size());  // RemoveStaleSocket checked the size
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return core::CannotListen(address, errno);
  ListenSocket socket(fd, address, false);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0) {
    return core::CannotListen(address, errno);
  }
  socket.owns_path_ = true;
  if (::listen(fd, kBacklog) != 0) return core::CannotListen(address, errno);
  return socket;
}

absl::StatusOr<ListenSocket> ListenSocket::Share() const {
  if (!address_.is_unix()) return BindTcp(address_, /*shared=*/true);
  const int fd = ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return core::CannotListen(address_, errno);
  return ListenSocket(fd, address_, false);
}

ListenSocket::~ListenSocket() {
  if (fd_ < 0) return;
  if (owns_path_) ::unlink(address_.unix_path.c_str());
  ::close(fd_);
}

}  // namespace stratus::gateway::http
