#include "services/provisioning/engine/shim/supervisor.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <initializer_list>

#include "services/provisioning/engine/shim/processes.h"

namespace stratus::shim {
namespace {

constexpr int64_t kKillAgainMs = 1000;  // a process in the kernel's hands dies when it comes back
constexpr int64_t kOthersAfterMs = 100;
constexpr int64_t kLeftoversMsMax = 10000;  // how long to wait for what the engine left behind
constexpr int64_t kCompanionMsMax = 1000;
constexpr int64_t kMeasureMs = 1000;
constexpr int64_t kMeasureShare = 20;        // of the time, at most one part of so many is spent on measuring
constexpr int64_t kExceededGraceMs = 10000;  // for the engine to save its state
constexpr int kKillRoundsMax = 50;           // against what forks while it is being killed
constexpr int kSignalled = 128;              // bubblewrap's exit code is this and the signal that killed the engine

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

int OpenProcess(pid_t pid) { return pid > 0 ? static_cast<int>(syscall(SYS_pidfd_open, pid, 0)) : -1; }

void SendTo(int pidfd, int signal) {
  if (pidfd >= 0) syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0);
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

Supervisor::Supervisor(const Processes& processes, int64_t wall_ms, int64_t grace_ms, const Usage* usage)
    : processes_(processes),
      pid_namespace_(processes.sandbox > 0 ? PidNamespace(processes.sandbox) : 0),
      engine_fd_(OpenProcess(processes.engine)),
      sandbox_fd_(OpenProcess(processes.sandbox)),
      grace_ms_(grace_ms),
      usage_(*usage),
      deadline_ms_(NowMs() + wall_ms),
      measure_ms_(NowMs() + kMeasureMs) {}

void Supervisor::Spare(const char* program) {
  if (program != nullptr) spared_ = IdOf(program);
}

Ending Supervisor::Run() {
  int status = 0;
  while (!Reap(&status)) {
    switch (WaitSignal(NextMs() - NowMs())) {
      case SIGTERM:
      case SIGINT: Interrupt(); break;
      case SIGUSR1: Kill(); break;
      default: OnTime();
    }
  }
  AwaitCompanion();
  EndLeftovers();
  return EndingOf(status);
}

void Supervisor::OnTime() {
  if (NowMs() >= others_ms_) InterruptOthers();
  if (NowMs() >= deadline_ms_) OnDeadline();
  if (NowMs() >= measure_ms_) Measure();
}

void Supervisor::Interrupt() {
  if (phase_ != Phase::kRunning) return;
  phase_ = Phase::kInterrupted;
  deadline_ms_ = NowMs() + grace_ms_;
  others_ms_ = NowMs() + kOthersAfterMs;
  SignalEngine(SIGINT);
}

void Supervisor::InterruptOthers() {
  others_ms_ = kNever;
  SignalSession(processes_.engine, SIGINT, processes_.engine);
}

int64_t Supervisor::NextMs() const {
  int64_t next = deadline_ms_;
  if (others_ms_ < next) next = others_ms_;
  return measure_ms_ < next ? measure_ms_ : next;
}

void Supervisor::Kill() {
  phase_ = Phase::kKilled;
  deadline_ms_ = NowMs() + kKillAgainMs;
  KillEverything();
}

void Supervisor::KillOthers() const {
  if (pid_namespace_ == 0) return SignalSession(processes_.engine, SIGKILL, processes_.engine);
  for (int round = 0; round < kKillRoundsMax; ++round) {
    if (SignalNamespace(pid_namespace_, SIGKILL, {processes_.engine, processes_.sandbox, spared_}) == 0) return;
  }
}

void Supervisor::KillEverything() const {
  SendTo(sandbox_fd_, SIGKILL);
  SignalEngine(SIGKILL);
  SignalSession(processes_.engine, SIGKILL, -1);
  SignalSession(getpid(), SIGKILL, -1);
  SignalChildren(SIGKILL);
}

void Supervisor::SignalEngine(int signal) const { SendTo(engine_fd_, signal); }

void Supervisor::OnDeadline() {
  if (phase_ == Phase::kRunning) {
    timed_out_ = true;
    Interrupt();
  } else {
    Kill();
  }
}

void Supervisor::Measure() {
  const int64_t began = NowMs();
  const char* exceeded = exceeded_ != nullptr ? exceeded_ : usage_.Exceeded();
  if (exceeded != nullptr) {
    if (exceeded_ == nullptr) {
      if (grace_ms_ > kExceededGraceMs) grace_ms_ = kExceededGraceMs;
      if (deadline_ms_ > began + grace_ms_) deadline_ms_ = began + grace_ms_;  // of one that was interrupted before
      exceeded_ = exceeded;
    }
    Interrupt();
    KillOthers();
  }
  const int64_t now = NowMs();
  const int64_t rest = (now - began) * kMeasureShare;
  measure_ms_ = now + (rest > kMeasureMs ? rest : kMeasureMs);
}

// True, with its status, once the engine has ended. Orphans are reaped on the way.
bool Supervisor::Reap(int* status) {
  for (;;) {
    int ended = 0;
    const pid_t pid = waitpid(-1, &ended, WNOHANG);
    if (pid == processes_.child) {
      *status = ended;
      return true;
    }
    if (pid <= 0) return false;
  }
}

// It writes down what became of the last connections.
void Supervisor::AwaitCompanion() {
  const int64_t until = NowMs() + kCompanionMsMax;
  while (companion_ > 0 && waitpid(companion_, nullptr, WNOHANG) == 0 && NowMs() < until) WaitSignal(until - NowMs());
}

// Providers end with the engine; what a module's own commands started may not.
void Supervisor::EndLeftovers() {
  const int64_t until = NowMs() + kLeftoversMsMax;
  while (NowMs() < until) {
    const pid_t pid = waitpid(-1, nullptr, WNOHANG);
    if (pid < 0 && errno == ECHILD) return;
    if (pid > 0) continue;
    KillEverything();
    WaitSignal(50);  // the children's SIGCHLD comes first
  }
}

Ending Supervisor::EndingOf(int status) const {
  Ending ending;
  ending.timed_out = timed_out_;
  ending.exceeded = exceeded_;
  if (WIFEXITED(status)) ending.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) ending.signal = WTERMSIG(status);
  // The engine's own codes are small numbers.
  if (processes_.child != processes_.engine && ending.code > kSignalled) {
    ending.signal = ending.code - kSignalled;
    ending.code = -1;
  }
  return ending;
}

}  // namespace stratus::shim
