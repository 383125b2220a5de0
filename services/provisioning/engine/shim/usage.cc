#include "services/provisioning/engine/shim/usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "services/provisioning/engine/shim/processes.h"

namespace stratus::shim {
namespace {

constexpr int kBlock = 512;     // of st_blocks
constexpr int kDepthMax = 200;  // a descriptor each; deeper is counted as too many files
constexpr size_t kNamelessMax = 4096;

struct Amounts {
  int64_t disk_bytes = 0;
  int64_t files = 0;
  int64_t memory_bytes = 0;
  int64_t threads = 0;
};

bool IsDots(const char* name) { return strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

bool IsFull(const Spec& spec, const Amounts& amounts) {
  return (spec.disk_bytes > 0 && amounts.disk_bytes > spec.disk_bytes) ||
         (spec.files_max > 0 && amounts.files > spec.files_max);
}

// What lies in the open folder `folder`, which it closes. Links are counted, not followed.
void AddFolder(const Spec& spec, int folder, int depth, Amounts* amounts) {
  DIR* entries = folder < 0 ? nullptr : fdopendir(folder);
  if (entries == nullptr) {
    if (folder >= 0) close(folder);
    return;
  }
  while (const dirent* entry = readdir(entries)) {
    struct stat info;
    if (IsDots(entry->d_name)) continue;
    if (fstatat(dirfd(entries), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    amounts->files += depth < kDepthMax ? 1 : spec.files_max + 1;
    amounts->disk_bytes += int64_t{info.st_blocks} * kBlock;
    if (IsFull(spec, *amounts)) break;
    if (!S_ISDIR(info.st_mode)) continue;
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    AddFolder(spec, openat(dirfd(entries), entry->d_name, kFlags), depth + 1, amounts);
    if (IsFull(spec, *amounts)) break;
  }
  closedir(entries);
}

// Files that have no name any more, or never had one, each counted once.
struct Nameless {
  dev_t device = 0;  // of the work folder: what is not there is in memory
  size_t count = 0;
  ino_t seen[kNamelessMax] = {};
};

bool IsNew(Nameless* nameless, ino_t inode) {
  for (size_t i = 0; i < nameless->count; ++i) {
    if (nameless->seen[i] == inode) return false;
  }
  if (nameless->count < kNamelessMax) nameless->seen[nameless->count++] = inode;
  return true;
}

void AddOpenFiles(pid_t pid, Nameless* nameless, Amounts* amounts) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/fd", pid);
  DIR* entries = opendir(path);
  if (entries == nullptr) return;
  while (const dirent* entry = readdir(entries)) {
    struct stat info;
    if (IsDots(entry->d_name) || fstatat(dirfd(entries), entry->d_name, &info, 0) != 0) continue;
    if (!S_ISREG(info.st_mode) || info.st_nlink != 0 || !IsNew(nameless, info.st_ino)) continue;
    (info.st_dev == nameless->device ? amounts->disk_bytes : amounts->memory_bytes) += int64_t{info.st_blocks} * kBlock;
  }
  closedir(entries);
}

// Memory that is the process's own: what it shares is the program's, or a file's.
int64_t OwnMemory(pid_t pid) {
  char path[64], text[256];
  snprintf(path, sizeof(path), "/proc/%d/statm", pid);
  if (!ReadProc(path, text, sizeof(text))) return 0;
  long long size = 0, resident = 0, shared = 0;
  if (sscanf(text, "%lld %lld %lld", &size, &resident, &shared) != 3) return 0;
  return (resident - shared) * sysconf(_SC_PAGESIZE);
}

void AddProcesses(uint64_t pid_namespace, const char* work, Amounts* amounts) {
  static Nameless nameless;
  struct Call {
    uint64_t pid_namespace;
    Amounts* amounts;
  } call = {pid_namespace, amounts};
  struct stat info;
  nameless.count = 0;
  nameless.device = stat(work, &info) == 0 ? info.st_dev : 0;
  ForEachProcess(
      [](pid_t pid, void* context) {
        const auto& to = *static_cast<const Call*>(context);
        ProcStat stat;
        if (PidNamespace(pid) != to.pid_namespace || !ReadStat(pid, &stat)) return;
        to.amounts->threads += stat.threads;
        to.amounts->memory_bytes += OwnMemory(pid);
        AddOpenFiles(pid, &nameless, to.amounts);
      },
      &call);
}

// Whether the kernel killed something for want of memory: of version 1, or of version 2.
bool RanOutOfMemory(const char* const* cgroups) {
  char path[4096], text[1024];
  for (; *cgroups != nullptr; ++cgroups) {
    for (const char* file : {"memory.oom_control", "memory.events"}) {
      snprintf(path, sizeof(path), "%s/%s", *cgroups, file);
      if (!ReadProc(path, text, sizeof(text))) continue;
      const char* count = strstr(text, "oom_kill ");
      if (count != nullptr && strtoll(count + strlen("oom_kill "), nullptr, 10) > 0) return true;
    }
  }
  return false;
}

// Of a file, or the room that it takes: whoever writes to it may have asked for more than it has text.
int64_t SizeOf(int file) {
  struct stat info;
  if (fstat(file, &info) != 0) return 0;
  const int64_t room = int64_t{info.st_blocks} * kBlock;
  return info.st_size > room ? info.st_size : room;
}

}  // namespace

Usage::Usage(const Spec& spec, const Outputs& outputs, pid_t sandbox)
    : spec_(spec), outputs_(outputs), pid_namespace_(sandbox > 0 ? PidNamespace(sandbox) : 0) {}

const char* Usage::Exceeded() const {
  if (spec_.output_bytes > 0 && SizeOf(outputs_.events) + SizeOf(outputs_.errors) > spec_.output_bytes) {
    return "output";
  }
  Amounts amounts;
  if (pid_namespace_ != 0) AddProcesses(pid_namespace_, spec_.work, &amounts);
  // Who is refused one more process, or has one killed, may try again for ever.
  if (RanOutOfMemory(spec_.cgroups)) return "memory";
  if (spec_.processes > 0 && amounts.threads >= spec_.processes) return "processes";
  if (spec_.memory_bytes > 0 && amounts.memory_bytes > spec_.memory_bytes) return "memory";
  AddFolder(spec_, open(spec_.work, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), 0, &amounts);
  if (spec_.disk_bytes > 0 && amounts.disk_bytes > spec_.disk_bytes) return "disk";
  if (spec_.files_max > 0 && amounts.files > spec_.files_max) return "files";
  return nullptr;
}

}  // namespace stratus::shim
