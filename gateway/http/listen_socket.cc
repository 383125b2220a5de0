#include "gateway/http/listen_socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace stratus::gateway::http {
namespace {

constexpr int kBacklog = 1024;

absl::Status Failed(const core::Address& address, absl::string_view what, int error) {
  return absl::UnavailableError(
      absl::StrCat("cannot listen on ", address.ToString(), ": ", what, ": ", std::strerror(error)));
}

sockaddr_un UnixAddress(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  return address;
}

// Whether a socket's file is left over from a server that is gone.
bool IsStale(const sockaddr_un& address) {
  struct stat info;
  if (::lstat(address.sun_path, &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const bool refused =
      ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 && errno == ECONNREFUSED;
  ::close(fd);
  return refused;
}

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
  return address.is_unix() ? BindUnix(address) : BindTcp(address);
}

absl::StatusOr<ListenSocket> ListenSocket::BindTcp(const core::Address& address) {
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
  if (fd < 0) return Failed(address, "socket", errno);
  ListenSocket socket(fd, address, false);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) {
    return Failed(address, "SO_REUSEPORT", errno);
  }
  if (::bind(fd, found->ai_addr, found->ai_addrlen) != 0) return Failed(address, "bind", errno);
  if (::listen(fd, kBacklog) != 0) return Failed(address, "listen", errno);
  auto port = BoundPort(fd);
  if (!port.ok()) return port.status();
  socket.address_.port = *port;
  return socket;
}

absl::StatusOr<ListenSocket> ListenSocket::BindUnix(const core::Address& address) {
  const sockaddr_un name = UnixAddress(address.unix_path);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return Failed(address, "socket", errno);
  ListenSocket socket(fd, address, false);
  if (IsStale(name)) ::unlink(name.sun_path);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0) return Failed(address, "bind", errno);
  socket.owns_path_ = true;
  if (::listen(fd, kBacklog) != 0) return Failed(address, "listen", errno);
  return socket;
}

absl::StatusOr<ListenSocket> ListenSocket::Share() const {
  if (!address_.is_unix()) return BindTcp(address_);
  const int fd = ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return Failed(address_, "dup", errno);
  return ListenSocket(fd, address_, false);
}

ListenSocket::~ListenSocket() {
  if (fd_ < 0) return;
  if (owns_path_) ::unlink(address_.unix_path.c_str());
  ::close(fd_);
}

}  // namespace stratus::gateway::http
