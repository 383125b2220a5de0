#include "services/provisioning/engine/shim/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace stratus::shim {

bool ReadProc(const char* path, char* buffer, size_t size) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const ssize_t got = read(fd, buffer, size - 1);
  close(fd);
  if (got <= 0) return false;
  buffer[got] = '\0';
  return true;
}

bool ReadStat(pid_t pid, ProcStat* stat) {
  char path[64], text[1024];
  snprintf(path, sizeof(path), "/proc/%d/stat", pid);
  if (!ReadProc(path, text, sizeof(text))) return false;
  // The command's name is in brackets and may hold anything, brackets and blanks too. It is field 2.
  const char* at = strrchr(text, ')');
  for (int field = 2; at != nullptr && field < 22; ++field) {
    at = strchr(at + 1, ' ');
    if (at == nullptr) return false;
    const unsigned long long number = strtoull(at + 1, nullptr, 10);
    if (field + 1 == 4) stat->parent = static_cast<pid_t>(number);
    if (field + 1 == 6) stat->session = static_cast<pid_t>(number);
    if (field + 1 == 20) stat->threads = static_cast<int64_t>(number);
    if (field + 1 == 22) stat->start_ticks = number;
  }
  return at != nullptr;
}

namespace {

bool Runs(pid_t pid, const FileId& program) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/exe", pid);
  const FileId id = IdOf(path);
  return id.inode == program.inode && id.device == program.device;
}

}  // namespace

uint64_t PidNamespace(pid_t pid) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
  struct stat info;
  return stat(path, &info) == 0 ? info.st_ino : 0;
}

void ForEachProcess(void (*visit)(pid_t pid, void* context), void* context) {
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return;
  const pid_t self = getpid();
  while (const dirent* entry = readdir(proc)) {
    const auto pid = static_cast<pid_t>(strtol(entry->d_name, nullptr, 10));
    if (pid > 0 && pid != self) visit(pid, context);
  }
  closedir(proc);
}

void SignalSession(pid_t leader, int signal, pid_t spared) {
  struct Call {
    pid_t leader;
    int signal;
    pid_t spared;
  } call = {leader, signal, spared};
  ForEachProcess(
      [](pid_t pid, void* context) {
        const auto& to = *static_cast<const Call*>(context);
        if (pid != to.spared && getsid(pid) == to.leader) kill(pid, to.signal);
      },
      &call);
}

FileId IdOf(const char* path) {
  struct stat info;
  return stat(path, &info) == 0 ? FileId{info.st_dev, info.st_ino} : FileId{};
}

int SignalNamespace(uint64_t pid_namespace, int signal, const SparedProcesses& spared) {
  struct Call {
    uint64_t pid_namespace;
    int signal;
    const SparedProcesses& spared;
    int count;
  } call = {pid_namespace, signal, spared, 0};
  ForEachProcess(
      [](pid_t pid, void* context) {
        auto& to = *static_cast<Call*>(context);
        if (pid == to.spared.engine || pid == to.spared.sandbox || PidNamespace(pid) != to.pid_namespace) return;
        if (to.spared.program.inode != 0 && Runs(pid, to.spared.program)) return;
        if (kill(pid, to.signal) == 0) ++to.count;
      },
      &call);
  return call.count;
}

void SignalChildren(int signal) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
  FILE* children = fopen(path, "re");
  if (children == nullptr) return;
  int child = 0;
  while (fscanf(children, "%d", &child) == 1) kill(child, signal);
  fclose(children);
}

}  // namespace stratus::shim
