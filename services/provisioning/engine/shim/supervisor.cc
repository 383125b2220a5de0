#include "services/provisioning/engine/shim/supervisor.h"

#include <dirent.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <initializer_list>

namespace stratus::shim {
namespace {

constexpr int64_t kKillAgainMs = 1000;  // a process in the kernel's hands dies when it comes back
constexpr int64_t kOthersAfterMs = 100;
constexpr int64_t kLeftoversMsMax = 10000;  // how long to wait for what the engine left behind

int64_t NowMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

sigset_t Awaited() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGUSR1, SIGHUP}) sigaddset(&set, signal);
  return set;
}

// The next awaited signal, 0 when `ms` have passed.
int WaitSignal(int64_t ms) {
  const sigset_t set = Awaited();
  if (ms < 0) ms = 0;
  const timespec time = {static_cast<time_t>(ms / 1000), static_cast<long>(ms % 1000) * 1000000};
  const int signal = sigtimedwait(&set, nullptr, &time);
  return signal > 0 ? signal : 0;
}

// To every process of this session but this one and `spared`.
void SignalSession(int signal, pid_t spared) {
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return;
  const pid_t self = getpid();
  while (const dirent* entry = readdir(proc)) {
    const auto pid = static_cast<pid_t>(strtol(entry->d_name, nullptr, 10));
    if (pid > 0 && pid != self && pid != spared && getsid(pid) == self) kill(pid, signal);
  }
  closedir(proc);
}

// SIGKILL to every process of this session but this one, and to every child, whatever its session.
void KillSession() {
  const pid_t self = getpid();
  SignalSession(SIGKILL, self);
  char path[64];
  snprintf(path, sizeof(path), "/proc/self/task/%d/children", self);
  if (FILE* children = fopen(path, "re"); children != nullptr) {
    int child = 0;
    while (fscanf(children, "%d", &child) == 1) kill(child, SIGKILL);
    fclose(children);
  }
}

}  // namespace

void Supervisor::Prepare() {
  const sigset_t set = Awaited();
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);  // whoever waited for the report may be gone
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

void Supervisor::Unblock() {
  signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

Supervisor::Supervisor(pid_t engine, int64_t wall_ms, int64_t grace_ms)
    : engine_(engine), grace_ms_(grace_ms), deadline_ms_(NowMs() + wall_ms) {}

Ending Supervisor::Run() {
  int status = 0;
  while (!Reap(&status)) {
    switch (WaitSignal(NextMs() - NowMs())) {
      case SIGTERM:
      case SIGINT: Interrupt(); break;
      case SIGUSR1: Kill(); break;
      default:
        if (NowMs() >= others_ms_) InterruptOthers();
        if (NowMs() >= deadline_ms_) OnDeadline();
    }
  }
  EndLeftovers();
  return {status, timed_out_};
}

void Supervisor::Interrupt() {
  if (phase_ != Phase::kRunning) return;
  phase_ = Phase::kInterrupted;
  deadline_ms_ = NowMs() + grace_ms_;
  others_ms_ = NowMs() + kOthersAfterMs;
  kill(engine_, SIGINT);
}

void Supervisor::InterruptOthers() {
  others_ms_ = kNever;
  SignalSession(SIGINT, engine_);
}

int64_t Supervisor::NextMs() const { return others_ms_ < deadline_ms_ ? others_ms_ : deadline_ms_; }

void Supervisor::Kill() {
  phase_ = Phase::kKilled;
  deadline_ms_ = NowMs() + kKillAgainMs;
  KillSession();
}

void Supervisor::OnDeadline() {
  if (phase_ == Phase::kRunning) {
    timed_out_ = true;
    Interrupt();
  } else {
    Kill();
  }
}

// True, with its status, once the engine has ended. Orphans are reaped on the way.
bool Supervisor::Reap(int* status) {
  for (;;) {
    int ended = 0;
    const pid_t pid = waitpid(-1, &ended, WNOHANG);
    if (pid == engine_) {
      *status = ended;
      return true;
    }
    if (pid <= 0) return false;
  }
}

// Providers end with the engine; what a module's own commands started may not.
void Supervisor::EndLeftovers() {
  const int64_t until = NowMs() + kLeftoversMsMax;
  while (NowMs() < until) {
    const pid_t pid = waitpid(-1, nullptr, WNOHANG);
    if (pid < 0 && errno == ECHILD) return;
    if (pid > 0) continue;
    KillSession();
    WaitSignal(50);  // the children's SIGCHLD comes first
  }
}

}  // namespace stratus::shim
