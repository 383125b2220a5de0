// Looks after one engine until it and all that it started are gone.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "services/provisioning/engine/shim/processes.h"
#include "services/provisioning/engine/shim/usage.h"

namespace stratus::shim {

// Of a step. Without a sandbox the child is the engine.
struct Processes {
  pid_t child = -1;   // of this process: bubblewrap
  pid_t engine = -1;  // leads a session of its own
  pid_t sandbox = 0;  // the first process of the PID namespace, with which everything in it ends; 0: there is none
};

struct Ending {
  int code = -1;   // of the engine, when it exited
  int signal = 0;  // that killed it
  bool timed_out = false;
  const char* exceeded = nullptr;  // the limit that ended it
};

class Supervisor {
 public:
  // Blocks the signals that Run() waits for, and takes in the orphans of this process' descendants. Call before the
  // engine is forked.
  static void Prepare();
  // Undoes the blocking, in the engine's process.
  static void Unblock();

  // `usage` outlives it. The engine has not begun yet: its number is still its own.
  Supervisor(const Processes& processes, int64_t wall_ms, int64_t grace_ms, const Usage* usage);

  // A program of ours in the sandbox, by which the engine saves its state: no limit ends it. May be nullptr.
  void Spare(const char* program);
  // A child that ends by itself, once the engine has ended; 0: there is none.
  void SetCompanion(pid_t companion) { companion_ = companion; }

  // SIGTERM and SIGINT interrupt the engine and SIGUSR1 kills it. The wall time interrupts too; the grace after an
  // interrupt kills. An interrupt is one SIGINT to the engine, since a second would cut its own clean-up short, and a
  // moment later one to each other process of its session: a signal to the whole group now and then reached the engine
  // twice when it was just starting a command (about 1 of 40 on a busy machine).
  // A limit that is exceeded kills all but the engine, which is interrupted and has a few seconds to save its state.
  Ending Run();

 private:
  static constexpr int64_t kNever = INT64_MAX;
  enum class Phase { kRunning, kInterrupted, kKilled };

  void Interrupt();
  void InterruptOthers();
  void Kill();
  void KillOthers() const;
  void KillEverything() const;
  int64_t NextMs() const;
  void OnTime();
  void OnDeadline();
  void Measure();
  void SignalEngine(int signal) const;
  bool Reap(int* status);
  void AwaitCompanion();
  void EndLeftovers();
  Ending EndingOf(int status) const;

  const Processes processes_;
  const uint64_t pid_namespace_;
  FileId spared_;
  pid_t companion_ = 0;
  const int engine_fd_;  // pidfds: the two may be gone, and their numbers others'
  const int sandbox_fd_;
  int64_t grace_ms_;
  const Usage& usage_;
  Phase phase_ = Phase::kRunning;
  int64_t deadline_ms_;         // on the monotonic clock, as the two below
  int64_t others_ms_ = kNever;  // when the engine's company is interrupted
  int64_t measure_ms_;          // when its usage is looked at
  bool timed_out_ = false;
  const char* exceeded_ = nullptr;
};

}  // namespace stratus::shim
