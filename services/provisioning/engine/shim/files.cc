#include "services/provisioning/engine/shim/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "services/provisioning/engine/shim/processes.h"

namespace stratus::shim {
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
  ProcStat stat;
  if (!ReadStat(pid, &stat)) return false;
  snprintf(text, sizeof(text), "%d %llu %s", pid, stat.start_ticks, boot_id);
  return WriteFile(dir, name, text, durability);
}

bool WriteExit(int dir, const Ending& ending) {
  char text[128];
  snprintf(text, sizeof(text), "{\"code\":%d,\"signal\":%d,\"timed_out\":%s,\"exceeded\":\"%s\"}\n", ending.code,
           ending.signal, ending.timed_out ? "true" : "false", ending.exceeded == nullptr ? "" : ending.exceeded);
  return WriteFile(dir, "exit.json", text, Durability::kText);
}

}  // namespace stratus::shim
