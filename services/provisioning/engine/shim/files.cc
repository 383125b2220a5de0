#include "services/provisioning/engine/shim/files.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace stratus::shim {
namespace {

// Reads a small file of /proc into a NUL-ended buffer.
bool ReadProc(const char* path, char* buffer, size_t size) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const ssize_t got = read(fd, buffer, size - 1);
  close(fd);
  if (got <= 0) return false;
  buffer[got] = '\0';
  return true;
}

unsigned long long StartTicks(pid_t pid) {
  char path[64], text[1024];
  snprintf(path, sizeof(path), "/proc/%d/stat", pid);
  if (!ReadProc(path, text, sizeof(text))) return 0;
  // The command's name is in brackets and may hold anything, brackets and blanks too.
  const char* at = strrchr(text, ')');
  for (int field = 2; at != nullptr && field < 22; ++field) at = strchr(at + 1, ' ');
  return at == nullptr ? 0 : strtoull(at + 1, nullptr, 10);
}

}  // namespace

bool WriteFile(int dir, const char* name, const char* text, Durability durability) {
  char temporary[64];
  snprintf(temporary, sizeof(temporary), "%s.new", name);
  const int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const auto size = static_cast<ssize_t>(strlen(text));
  bool done = write(fd, text, static_cast<size_t>(size)) == size;
  if (done && durability != Durability::kNone) done = fdatasync(fd) == 0;
  close(fd);
  done = done && renameat(dir, temporary, dir, name) == 0;
  if (done && durability == Durability::kNameToo) done = fsync(dir) == 0;
  return done;
}

bool WritePidFile(int dir, const char* name, pid_t pid, Durability durability) {
  char boot_id[64] = "-\n", text[160];
  ReadProc("/proc/sys/kernel/random/boot_id", boot_id, sizeof(boot_id));
  const unsigned long long start = StartTicks(pid);
  if (start == 0) return false;
  snprintf(text, sizeof(text), "%d %llu %s", pid, start, boot_id);
  return WriteFile(dir, name, text, durability);
}

bool WriteExit(int dir, int status, bool timed_out) {
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  char text[96];
  snprintf(text, sizeof(text), "{\"code\":%d,\"signal\":%d,\"timed_out\":%s}\n", code, signal,
           timed_out ? "true" : "false");
  return WriteFile(dir, "exit.json", text, Durability::kText);
}

}  // namespace stratus::shim
