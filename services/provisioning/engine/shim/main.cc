// stratus-shim STEP_FOLDER: runs one step of an engine, apart from whoever asked for it, and leaves its exit in a file.
// stratus-shim enter ...: the last step into a run's sandbox, see enter.h.
//
// Descriptors it is given: 3, a pipe on which it says `ok` or why not; 4, the run's launch lock, held until it is known
// to everyone what there is to adopt. The engine's process, in its sandbox, waits for a byte before it begins. Killed
// at any moment before shim.pid is on the disk, the shim leaves nothing that was begun: that byte then never comes.
// Killed after, the engine goes on, and the service interrupts it when it sees what has become of its shim.
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "services/provisioning/engine/shim/companion.h"
#include "services/provisioning/engine/shim/enter.h"
#include "services/provisioning/engine/shim/files.h"
#include "services/provisioning/engine/shim/processes.h"
#include "services/provisioning/engine/shim/spec.h"
#include "services/provisioning/engine/shim/supervisor.h"
#include "services/provisioning/engine/shim/usage.h"

namespace stratus::shim {
namespace {

constexpr int kReportFd = 3;
constexpr int kLockFd = 4;
constexpr int kEnterMsMax = 9000;  // less than the service waits for the report

[[noreturn]] void Fail(const char* what) {
  dprintf(kReportFd, "%s: %s", what, strerror(errno));
  _exit(1);
}

void SetLimit(int resource, int64_t value) {
  if (value <= 0) return;
  const rlimit limit = {static_cast<rlim_t>(value), static_cast<rlim_t>(value)};
  setrlimit(static_cast<__rlimit_resource>(resource), &limit);
}

void SetLimits(const Spec& spec) {
  // RLIMIT_DATA, not RLIMIT_AS: a Go program reserves far more addresses than it ever writes to.
  SetLimit(RLIMIT_DATA, spec.memory_bytes);
  SetLimit(RLIMIT_FSIZE, spec.file_bytes);
  SetLimit(RLIMIT_NOFILE, spec.open_files);
  // A core would hold the run's secrets.
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
}

struct Files {
  int dir = -1;
  Outputs outputs;
};

void JoinCgroups(const Spec& spec) {
  for (const char* const* cgroup = spec.cgroups; *cgroup != nullptr; ++cgroup) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/cgroup.procs", *cgroup);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, "0", 1) == 1) continue;
    dprintf(STDERR_FILENO, "%s: %s\n", path, strerror(errno));
    _exit(126);
  }
}

// The child, up to its exec of what leads to the engine.
[[noreturn]] void BecomeEngine(const Spec& spec, const char* const* environment, const Outputs& outputs, int go) {
  setpgid(0, 0);
  dup2(outputs.events, STDOUT_FILENO);
  dup2(outputs.errors, STDERR_FILENO);
  dup2(go, kGoFd);
  JoinCgroups(spec);
  SetLimits(spec);
  Supervisor::Unblock();
  execve(spec.arguments[0], const_cast<char* const*>(spec.arguments), const_cast<char* const*>(environment));
  dprintf(STDERR_FILENO, "%s: %s\n", spec.arguments[0], strerror(errno));
  _exit(127);
}

int OpenLog(int dir, const char* name) {
  const int fd = openat(dir, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) Fail(name);
  return fd;
}

Files OpenFiles(const char* folder) {
  Files files;
  files.dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (files.dir < 0) Fail(folder);
  files.outputs = {OpenLog(files.dir, "events.jsonl"), OpenLog(files.dir, "stderr")};
  return files;
}

// The engine's process, held before its exec, and the socket that lets it go.
struct Held {
  Processes processes;
  int go = -1;
};

// Its pid as it is seen from here, whatever it is in there; 0 when it ended first, or says nothing.
pid_t AwaitEngine(int go) {
  pollfd wait = {go, POLLIN, 0};
  if (poll(&wait, 1, kEnterMsMax) != 1) return 0;
  char byte = 0;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
  iovec data = {&byte, 1};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  if (recvmsg(go, &message, MSG_CMSG_CLOEXEC) != 1) return 0;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_CREDENTIALS) return 0;
  ucred sender;
  memcpy(&sender, CMSG_DATA(header), sizeof(sender));
  return sender.pid;
}

// Says on the report why, in the words of who could not begin, and ends.
[[noreturn]] void FailToEnter(int dir, pid_t child) {
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  char words[400];
  const int errors = openat(dir, "stderr", O_RDONLY | O_CLOEXEC);
  const ssize_t got = errors < 0 ? 0 : read(errors, words, sizeof(words) - 1);
  words[got > 0 ? got : 0] = '\0';
  dprintf(kReportFd, "the engine's sandbox: %s", got > 0 ? words : "nothing is heard from it");
  _exit(1);
}

Held ForkEngine(const Spec& spec, const char* const* environment, const Files& files) {
  int go[2];
  const int on = 1;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go) != 0) Fail("socketpair");
  if (setsockopt(go[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0) Fail("SO_PASSCRED");
  Held held;
  held.go = go[0];
  held.processes.child = fork();
  if (held.processes.child < 0) Fail("fork");
  if (held.processes.child == 0) BecomeEngine(spec, environment, files.outputs, go[1]);
  close(go[1]);
  held.processes.engine = AwaitEngine(go[0]);
  if (held.processes.engine <= 0) FailToEnter(files.dir, held.processes.child);
  if (held.processes.engine != held.processes.child) {
    ProcStat stat;
    if (!ReadStat(held.processes.engine, &stat)) Fail("the engine's sandbox");
    held.processes.sandbox = stat.parent;
  }
  return held;
}

// From shim.pid on there is a step to adopt.
void WritePids(int dir, const Processes& processes) {
  if (!WritePidFile(dir, "engine.pid", processes.engine, Durability::kNone)) Fail("engine.pid");
  if (processes.sandbox > 0 && !WritePidFile(dir, "sandbox.pid", processes.sandbox, Durability::kNone)) {
    Fail("sandbox.pid");
  }
  if (WritePidFile(dir, "shim.pid", getpid(), Durability::kNameToo)) return;
  unlinkat(dir, "shim.pid", 0);
  Fail("shim.pid");
}

int Main(const char* folder) {
  if (setsid() < 0) Fail("setsid");
  umask(077);
  fcntl(kReportFd, F_SETFD, FD_CLOEXEC);
  fcntl(kLockFd, F_SETFD, FD_CLOEXEC);
  syscall(SYS_close_range, kLockFd + 1, ~0U, 0);
  const Files files = OpenFiles(folder);
  Bytes spec_bytes, environment_bytes;
  static Spec spec;
  static const char* environment[kEnvironmentMax + 1];
  if (!ReadFile(files.dir, "spec", &spec_bytes) || !ParseSpec(spec_bytes, &spec)) Fail("spec");
  if (!ReadFile(files.dir, "environment", &environment_bytes) || !ParseEnvironment(environment_bytes, environment)) {
    Fail("environment");
  }
  unlinkat(files.dir, "environment", 0);

  Supervisor::Prepare();
  const Held engine = ForkEngine(spec, environment, files);
  explicit_bzero(environment_bytes.data, environment_bytes.size);
  const pid_t companion = StartCompanion(spec, engine.processes.engine, files.outputs.errors);
  if (companion < 0) Fail("the run's way to the net");
  WritePids(files.dir, engine.processes);
  const Usage usage(spec, files.outputs, engine.processes.sandbox);
  Supervisor supervisor(engine.processes, spec.wall_ms, spec.grace_ms, &usage);
  // An engine that is gone already is the supervisor's to tell.
  [[maybe_unused]] const ssize_t sent = write(engine.go, "g", 1);
  close(engine.go);
  dprintf(kReportFd, "ok");
  close(kReportFd);
  close(kLockFd);
  supervisor.Spare(spec.spared);
  supervisor.SetCompanion(companion);
  return WriteExit(files.dir, supervisor.Run()) ? 0 : 1;
}

}  // namespace
}  // namespace stratus::shim

int main(int argc, char** argv) {
  if (argc >= 2 && strcmp(argv[1], "enter") == 0) stratus::shim::Enter(argc - 2, argv + 2);
  if (argc != 2) {
    dprintf(STDERR_FILENO, "usage: stratus-shim STEP_FOLDER (started by the provisioning service)\n");
    return 2;
  }
  // The starter waits for the first process only; the second belongs to nobody.
  const pid_t second = fork();
  if (second < 0) stratus::shim::Fail("fork");
  if (second > 0) return 0;
  return stratus::shim::Main(argv[1]);
}
