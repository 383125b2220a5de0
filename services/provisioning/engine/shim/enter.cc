#include "services/provisioning/engine/shim/enter.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "services/provisioning/engine/shim/landlock.h"
#include "services/provisioning/engine/shim/spec.h"

namespace stratus::shim {
namespace {

constexpr int kReadableMax = 64;

struct Entry {
  bool go = false;
  bool user_namespace = false;
  bool landlock = false;
  const char* readable[kReadableMax] = {};
  int readable_count = 0;
  const char* folder = nullptr;
  const char* filter = nullptr;
  uid_t uid = 0;
  int64_t processes = 0;
  char** program = nullptr;
};

[[noreturn]] void Fail(const char* what) {
  dprintf(STDERR_FILENO, "stratus-shim: %s: %s\n", what, strerror(errno));
  _exit(126);
}

bool Parse(int argc, char** argv, Entry* entry) {
  for (int i = 0; i < argc; ++i) {
    const char* word = argv[i];
    if (strcmp(word, "--") == 0) {
      entry->program = argv + i + 1;
      return i + 1 < argc && entry->folder != nullptr;
    }
    if (strcmp(word, "--go") == 0) {
      entry->go = true;
    } else if (strcmp(word, "--user-namespace") == 0) {
      entry->user_namespace = true;
    } else if (strcmp(word, "--landlock") == 0) {
      entry->landlock = true;
    } else if (const char* path = ValueOf(word, "--read"); path != nullptr) {
      if (entry->readable_count == kReadableMax) return false;
      entry->readable[entry->readable_count++] = path;
    } else if (const char* folder = ValueOf(word, "--folder"); folder != nullptr) {
      entry->folder = folder;
    } else if (const char* filter = ValueOf(word, "--filter"); filter != nullptr) {
      entry->filter = filter;
    } else if (const char* uid = ValueOf(word, "--uid"); uid != nullptr) {
      entry->uid = static_cast<uid_t>(strtoul(uid, nullptr, 10));
    } else if (!SetNumber(word, "--processes", &entry->processes)) {
      return false;
    }
  }
  return false;
}

void BecomeUid(uid_t uid) {
  if (setgroups(0, nullptr) != 0) Fail("setgroups");
  if (setresgid(uid, uid, uid) != 0) Fail("setresgid");
  if (setresuid(uid, uid, uid) != 0) Fail("setresuid");
  // Who changes his uid is shut out of his own /proc files until he starts a program.
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

void WriteTo(const char* path, const char* text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  const auto size = static_cast<ssize_t>(strlen(text));
  if (fd < 0 || write(fd, text, static_cast<size_t>(size)) != size) Fail(path);
  close(fd);
}

void MakeUserNamespace() {
  const uid_t uid = getuid();
  const gid_t gid = getgid();
  if (unshare(CLONE_NEWUSER) != 0) Fail("a user namespace");
  char map[64];
  snprintf(map, sizeof(map), "%u %u 1", uid, uid);
  WriteTo("/proc/self/uid_map", map);
  WriteTo("/proc/self/setgroups", "deny");
  snprintf(map, sizeof(map), "%u %u 1", gid, gid);
  WriteTo("/proc/self/gid_map", map);
}

// All of them, and the ways to get any back.
void DropCapabilities() {
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);  // without CAP_SETPCAP there is nothing to get back by
  }
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  if (syscall(SYS_capset, &header, none) != 0) Fail("capset");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) Fail("no_new_privs");
}

// Read before anything is given up; it may be its former owner's alone.
void ReadFilter(const char* path, sock_fprog* program) {
  static sock_filter instructions[BPF_MAXINSNS];
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  const ssize_t got = fd < 0 ? -1 : read(fd, instructions, sizeof(instructions));
  if (got <= 0 || static_cast<size_t>(got) % sizeof(sock_filter) != 0) Fail(path);
  close(fd);
  program->len = static_cast<unsigned short>(static_cast<size_t>(got) / sizeof(sock_filter));
  program->filter = instructions;
}

void LimitProcesses(int64_t processes) {
  if (processes <= 0) return;
  const rlimit limit = {static_cast<rlim_t>(processes), static_cast<rlim_t>(processes)};
  if (setrlimit(RLIMIT_NPROC, &limit) != 0) Fail("RLIMIT_NPROC");
}

void AwaitGo() {
  char byte = 'h';
  if (write(kGoFd, &byte, 1) != 1 || read(kGoFd, &byte, 1) != 1) _exit(125);
  close(kGoFd);
}

}  // namespace

void Enter(int argc, char** argv) {
  Entry entry;
  if (!Parse(argc, argv, &entry)) {
    dprintf(STDERR_FILENO, "usage: stratus-shim enter --folder=PATH [...] -- PROGRAM ARGS... (see shim/enter.h)\n");
    _exit(126);
  }
  sock_fprog filter = {};
  if (entry.filter != nullptr) ReadFilter(entry.filter, &filter);
  setsid();  // fails for who leads one already
  if (entry.uid != 0) BecomeUid(entry.uid);
  if (entry.user_namespace) MakeUserNamespace();
  // In tier off a run is what the service is.
  if (entry.filter != nullptr) DropCapabilities();
  if (entry.landlock && !RestrictTo(entry.folder, entry.readable, entry.readable_count)) Fail("landlock");
  LimitProcesses(entry.processes);
  if (chdir(entry.folder) != 0) Fail(entry.folder);
  if (entry.go) AwaitGo();
  if (entry.filter != nullptr && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0) Fail("seccomp");
  execv(entry.program[0], entry.program);
  dprintf(STDERR_FILENO, "%s: %s\n", entry.program[0], strerror(errno));
  _exit(127);
}

}  // namespace stratus::shim
