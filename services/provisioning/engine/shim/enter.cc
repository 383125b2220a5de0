#include "services/provisioning/engine/shim/enter.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
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
  int64_t memory = 0;
  int64_t file_size = 0;
  int64_t open_files = 0;
  bool waited_for = false;
  char** program = nullptr;
};

[[noreturn]] void Fail(const char* what) {
  dprintf(STDERR_FILENO, "stratus-shim: %s: %s\n", what, strerror(errno));
  _exit(126);
}

bool SetLimitOf(const char* word, Entry* entry) {
  return SetNumber(word, "--processes", &entry->processes) || SetNumber(word, "--memory", &entry->memory) ||
         SetNumber(word, "--file-size", &entry->file_size) || SetNumber(word, "--open-files", &entry->open_files);
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
    } else if (strcmp(word, "--waited-for") == 0) {
      entry->waited_for = true;
    } else if (!SetLimitOf(word, entry)) {
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

void Limit(__rlimit_resource resource, int64_t value, const char* name) {
  if (value <= 0) return;
  const rlimit limit = {static_cast<rlim_t>(value), static_cast<rlim_t>(value)};
  if (setrlimit(resource, &limit) != 0) Fail(name);
}

void SetLimits(const Entry& entry) {
  Limit(RLIMIT_NPROC, entry.processes, "RLIMIT_NPROC");
  // RLIMIT_DATA, not RLIMIT_AS: a Go program reserves far more addresses than it ever writes to.
  Limit(RLIMIT_DATA, entry.memory, "RLIMIT_DATA");
  Limit(RLIMIT_FSIZE, entry.file_size, "RLIMIT_FSIZE");
  Limit(RLIMIT_NOFILE, entry.open_files, "RLIMIT_NOFILE");
}

// Returns in the child that is to be the program. The parent stays: where it is the first process of a PID namespace,
// all in there end with it, and none of them can signal it.
void ForkProgram() {
  const pid_t program = fork();
  if (program < 0) Fail("fork");
  if (program == 0) return;
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);  // nor write to its memory
  const int ended = static_cast<int>(syscall(SYS_pidfd_open, program, 0));
  if (ended < 0) Fail("pidfd_open");
  pollfd waits[] = {{ended, POLLIN, 0}, {STDOUT_FILENO, 0, 0}};
  while (poll(waits, 2, -1) < 0 && errno == EINTR) {
  }
  int status = 0;
  if (waitpid(program, &status, WNOHANG) == program)
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  if (getpid() != 1) kill(0, SIGKILL);  // the group that RunProgram has made
  _exit(125);
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
  SetLimits(entry);
  if (entry.waited_for) ForkProgram();
  if (chdir(entry.folder) != 0) Fail(entry.folder);
  if (entry.go) AwaitGo();
  if (entry.filter != nullptr && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0) Fail("seccomp");
  execv(entry.program[0], entry.program);
  dprintf(STDERR_FILENO, "%s: %s\n", entry.program[0], strerror(errno));
  _exit(127);
}

}  // namespace stratus::shim
