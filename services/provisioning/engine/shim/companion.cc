#include "services/provisioning/engine/shim/companion.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <initializer_list>

namespace stratus::shim {
namespace {

constexpr int kFirstFd = 3;
constexpr int kSourceFdMin = 64;  // above every number that is given, so that none is overwritten before it is taken
constexpr int kBacklog = 128;

// Any user may connect who sees the folder; it is a run's own, and only in that run's sandbox.
int Listen(int folder, const char* name) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  // By the descriptor: the address holds 108 bytes, and the folder's path may be longer.
  const int size = snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", folder, name);
  if (size >= static_cast<int>(sizeof(address.sun_path))) {
    errno = ENAMETOOLONG;
    return -1;
  }
  unlinkat(folder, name, 0);  // of an earlier step
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      fchmodat(folder, name, 0666, 0) == 0 && listen(fd, kBacklog) == 0) {
    return fd;
  }
  if (fd >= 0) close(fd);
  return -1;
}

struct Given {
  int fds[1 + kDoorsMax];
  int size = 0;
};

// Takes over `fd`, which may be -1.
bool Give(int fd, Given* given) {
  if (fd < 0) return false;
  given->fds[given->size] = fcntl(fd, F_DUPFD_CLOEXEC, kSourceFdMin);
  close(fd);
  return given->fds[given->size++] >= 0;
}

bool OpenDoors(const Spec& spec, Given* given) {
  const int folder = open(spec.doors_folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  bool all = folder >= 0;
  for (const char* const* door = spec.doors; all && *door != nullptr; ++door) all = Give(Listen(folder, *door), given);
  const int error = errno;
  if (folder >= 0) close(folder);
  errno = error;
  return all;
}

[[noreturn]] void BecomeCompanion(const Spec& spec, const Given& given, int errors) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) signal(number, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  dup2(errors, STDERR_FILENO);
  for (int i = 0; i < given.size; ++i) dup2(given.fds[i], kFirstFd + i);
  execv(spec.companion[0], const_cast<char* const*>(spec.companion));
  dprintf(STDERR_FILENO, "%s: %s\n", spec.companion[0], strerror(errno));
  _exit(127);
}

}  // namespace

pid_t StartCompanion(const Spec& spec, pid_t engine, int errors) {
  if (spec.companion[0] == nullptr) return 0;
  Given given;
  if (!Give(static_cast<int>(syscall(SYS_pidfd_open, engine, 0)), &given) || !OpenDoors(spec, &given)) return -1;
  const pid_t pid = fork();
  if (pid == 0) BecomeCompanion(spec, given, errors);
  for (int i = 0; i < given.size; ++i) close(given.fds[i]);
  return pid;
}

}  // namespace stratus::shim
