// stratus-shim STEP_FOLDER: runs one step of an engine, apart from whoever asked for it, and leaves its exit in a file.
//
// Descriptors it is given: 3, a pipe on which it says `ok` or why not; 4, the run's launch lock, held until it is known
// to everyone what there is to adopt. Killed at any moment before shim.pid is on the disk, nothing was begun: the
// engine's process waits for a byte that then never comes. Killed after, the engine gets SIGINT and ends in its own
// good order.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "services/provisioning/engine/shim/files.h"
#include "services/provisioning/engine/shim/spec.h"
#include "services/provisioning/engine/shim/supervisor.h"

namespace stratus::shim {
namespace {

constexpr int kReportFd = 3;
constexpr int kLockFd = 4;

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
  SetLimit(RLIMIT_NPROC, spec.processes);
  // A core would hold the run's secrets.
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
}

struct Files {
  int dir = -1;
  int events = -1;
  int errors = -1;
};

// The engine's process, up to its exec.
[[noreturn]] void BecomeEngine(const Spec& spec, const char* const* environment, const Files& files, pid_t shim,
                               int go) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGINT, 0, 0, 0);
  if (getppid() != shim) _exit(125);
  char byte = 0;
  if (read(go, &byte, 1) != 1) _exit(125);
  SetLimits(spec);
  dup2(files.events, STDOUT_FILENO);
  dup2(files.errors, STDERR_FILENO);
  if (chdir(spec.cwd) != 0) {
    dprintf(STDERR_FILENO, "%s: %s\n", spec.cwd, strerror(errno));
    _exit(126);
  }
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
  files.events = OpenLog(files.dir, "events.jsonl");
  files.errors = OpenLog(files.dir, "stderr");
  return files;
}

// The engine's process, held before its exec, and the pipe that lets it go.
struct Held {
  pid_t pid = -1;
  int go = -1;
};

Held ForkEngine(const Spec& spec, const char* const* environment, const Files& files) {
  int go[2];
  if (pipe2(go, O_CLOEXEC) != 0) Fail("pipe");
  const pid_t shim = getpid();
  const pid_t engine = fork();
  if (engine < 0) Fail("fork");
  if (engine == 0) {
    close(go[1]);
    BecomeEngine(spec, environment, files, shim, go[0]);
  }
  close(go[0]);
  setpgid(engine, engine);  // whichever of the two comes first
  return {engine, go[1]};
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
  if (!WritePidFile(files.dir, "engine.pid", engine.pid, Durability::kNone)) Fail("engine.pid");
  if (!WritePidFile(files.dir, "shim.pid", getpid(), Durability::kNameToo)) {
    unlinkat(files.dir, "shim.pid", 0);
    Fail("shim.pid");
  }
  // From here on there is a step to adopt. An engine that is gone already is the supervisor's to tell.
  [[maybe_unused]] const ssize_t sent = write(engine.go, "g", 1);
  close(engine.go);
  dprintf(kReportFd, "ok");
  close(kReportFd);
  close(kLockFd);

  const Ending ending = Supervisor(engine.pid, spec.wall_ms, spec.grace_ms).Run();
  return WriteExit(files.dir, ending.status, ending.timed_out) ? 0 : 1;
}

}  // namespace
}  // namespace stratus::shim

int main(int argc, char** argv) {
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
