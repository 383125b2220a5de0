// Looks after one engine process until it and all that it started are gone.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace stratus::shim {

struct Ending {
  int status = 0;  // as waitpid gives it
  bool timed_out = false;
};

class Supervisor {
 public:
  // Blocks the signals that Run() waits for, and takes in the orphans of this process' descendants. Call before the
  // engine is forked.
  static void Prepare();
  // Undoes the blocking, in the engine's process.
  static void Unblock();

  Supervisor(pid_t engine, int64_t wall_ms, int64_t grace_ms);

  // SIGTERM and SIGINT interrupt the engine and SIGUSR1 kills it. The wall time interrupts too; the grace after an
  // interrupt kills. An interrupt is one SIGINT to the engine, since a second would cut its own clean-up short, and a
  // moment later one to each other process of the session: a signal to the whole group now and then reached the engine
  // twice when it was just starting a command (about 1 of 40 on a busy machine).
  Ending Run();

 private:
  static constexpr int64_t kNever = INT64_MAX;
  enum class Phase { kRunning, kInterrupted, kKilled };

  void Interrupt();
  void InterruptOthers();
  void Kill();
  int64_t NextMs() const;
  void OnDeadline();
  bool Reap(int* status);
  void EndLeftovers();

  const pid_t engine_;
  const int64_t grace_ms_;
  Phase phase_ = Phase::kRunning;
  int64_t deadline_ms_;         // on the monotonic clock
  int64_t others_ms_ = kNever;  // when the engine's company is interrupted
  bool timed_out_ = false;
};

}  // namespace stratus::shim
