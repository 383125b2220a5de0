#include "lib/rpc/bind_check.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "lib/core/listening.h"

namespace stratus::rpc {
namespace {

absl::Status CheckUnix(const core::Address& address) {
  const size_t slash = address.unix_path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : address.unix_path.substr(0, slash + 1);
  if (access(folder.c_str(), W_OK | X_OK) != 0) return core::CannotListen(address, errno);
  return core::RemoveStaleSocket(address);
}

absl::Status TryBind(const core::Address& address, const addrinfo& target) {
  const int fd = socket(target.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return core::CannotListen(address, errno);
  const absl::Cleanup closer = [fd] { close(fd); };
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(fd, target.ai_addr, target.ai_addrlen) != 0) return core::CannotListen(address, errno);
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckBindable(const core::Address& address) {
  if (address.is_unix()) return CheckUnix(address);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(address.host.c_str(), absl::StrCat(address.port).c_str(), &hints, &found);
  if (error != 0) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", address.ToString(), ": ", gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
  // One that works is enough: `localhost` is often an IPv6 address too on machines that have no IPv6.
  absl::Status status;
  for (const addrinfo* target = found; target != nullptr; target = target->ai_next) {
    status = TryBind(address, *target);
    if (status.ok()) return status;
  }
  return status;
}

}  // namespace stratus::rpc
