#include "lib/core/listening.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"

namespace stratus::core {
namespace {

namespace fs = std::filesystem;

absl::Status Refused(const Address& address, std::string_view reason) {
  return absl::UnavailableError(absl::StrCat("cannot listen on ", address.ToString(), ": ", ToAbsl(reason)));
}

// Lines of a table of /proc/net, split at blanks, without the heading.
template <typename Row>
void ForEachRow(const char* table, Row row) {
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) row(std::vector<std::string>(absl::StrSplit(line, ' ', absl::SkipEmpty())));
}

// Inodes of sockets that listen on the port: whichever address they have, it is most likely the one in the way.
void AddTcpInodes(const char* table, uint16_t port, std::vector<std::string>* inodes) {
  constexpr size_t kLocal = 1, kState = 3, kInode = 9;
  ForEachRow(table, [&](const std::vector<std::string>& fields) {
    if (fields.size() <= kInode || fields[kState] != "0A") return;  // TCP_LISTEN
    int found = 0;
    const std::string hex = fields[kLocal].substr(fields[kLocal].rfind(':') + 1);
    if (absl::SimpleHexAtoi(hex, &found) && found == port) inodes->push_back(fields[kInode]);
  });
}

void AddUnixInodes(const std::string& path, std::vector<std::string>* inodes) {
  constexpr size_t kInode = 6, kPath = 7;
  ForEachRow("/proc/net/unix", [&](const std::vector<std::string>& fields) {
    if (fields.size() > kPath && fields[kPath] == path) inodes->push_back(fields[kInode]);
  });
}

bool Holds(const fs::path& process, const std::vector<std::string>& inodes) {
  std::error_code error;
  for (fs::directory_iterator fd(process / "fd", error), end; !error && fd != end; fd.increment(error)) {
    std::error_code gone;
    const std::string target = fs::read_symlink(fd->path(), gone).string();
    for (const std::string& inode : inodes) {
      if (target == absl::StrCat("socket:[", inode, "]")) return true;
    }
  }
  return false;
}

std::string ProgramOf(const fs::path& process) {
  std::error_code error;
  const std::string program = fs::read_symlink(process / "exe", error).filename().string();
  return absl::StrCat(program.empty() ? "a program" : program, " (pid ", process.filename().string(), ")");
}

}  // namespace

std::string ListenerOf(const Address& address) {
  std::vector<std::string> inodes;
  if (address.is_unix()) {
    AddUnixInodes(address.unix_path, &inodes);
  } else {
    AddTcpInodes("/proc/net/tcp", address.port, &inodes);
    AddTcpInodes("/proc/net/tcp6", address.port, &inodes);
  }
  if (inodes.empty()) return "";
  std::error_code error;
  for (fs::directory_iterator process("/proc", error), end; !error && process != end; process.increment(error)) {
    int pid = 0;
    if (!absl::SimpleAtoi(process->path().filename().string(), &pid)) continue;
    if (Holds(process->path(), inodes)) return ProgramOf(process->path());
  }
  return "";
}

absl::Status CannotListen(const Address& address, int error) {
  const std::string holder = error == EADDRINUSE ? ListenerOf(address) : "";
  return Refused(address, absl::StrCat(std::strerror(error), holder.empty() ? "" : " by ", holder));
}

absl::StatusOr<SocketFolderLock> SocketFolderLock::Take(const Address& address) {
  const std::string folder = fs::path(address.unix_path).parent_path().string();
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return CannotListen(address, errno);
  // A file system without locks is not worth refusing to start for: what is lost is a race of two starts.
  while (::flock(fd, LOCK_EX) != 0 && errno == EINTR) {
  }
  return SocketFolderLock(fd);
}

SocketFolderLock::SocketFolderLock(SocketFolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

SocketFolderLock::~SocketFolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

absl::Status RemoveStaleSocket(const Address& address) {
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  if (address.unix_path.size() >= sizeof(name.sun_path)) {
    return Refused(address, absl::StrCat("the path is longer than ", sizeof(name.sun_path) - 1, " bytes"));
  }
  std::memcpy(name.sun_path, address.unix_path.data(), address.unix_path.size());
  struct stat info;
  if (::lstat(name.sun_path, &info) != 0 || !S_ISSOCK(info.st_mode)) return absl::OkStatus();
  // Non-blocking: where the queue of a listener that has stopped is full, connect(2) would wait for it.
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return CannotListen(address, errno);
  const bool answered = ::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0 || errno == EAGAIN;
  const bool refused = !answered && errno == ECONNREFUSED;
  ::close(fd);
  if (answered) return CannotListen(address, EADDRINUSE);
  if (refused) ::unlink(name.sun_path);
  return absl::OkStatus();
}

}  // namespace stratus::core
