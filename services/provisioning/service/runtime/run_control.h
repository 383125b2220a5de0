// How the scheduler speaks to the worker of a run, and how a worker says that it goes no further.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "lib/core/mutex.h"

namespace stratus::provisioning::service {

class RunControl {
 public:
  // The lease is another's: the run is driven there now.
  void LoseLease() { Set(&lease_lost_); }
  // The service stops: engines go on without it.
  void Detach() { Set(&detached_); }
  // The service stops, and its runs with it.
  void Interrupt() { Set(&interrupted_); }
  // Somebody has changed the run's row: look at its flags.
  void Look() { Set(&look_); }

  bool lease_lost() const { return lease_lost_.load(); }
  bool halted() const { return lease_lost_.load() || detached_.load(); }
  bool interrupted() const { return interrupted_.load(); }
  // True once a Look.
  bool TakeLook() { return look_.exchange(false); }

  // Waits until something is said, at most `timeout`. It returns at once until a Look is taken.
  void Wait(absl::Duration timeout) {
    core::MutexLock lock(mutex_);
    if (halted() || look_.load()) return;
    said_.WaitFor(lock, absl::ToChronoNanoseconds(timeout));
  }

  // Lets that much time pass, whatever the wall clock does meanwhile; a Look waits until after it. False: halted.
  bool Pause(absl::Duration time) {
    const auto end = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(std::min(time, kPauseMax));
    core::MutexLock lock(mutex_);
    for (auto now = std::chrono::steady_clock::now(); !halted() && now < end; now = std::chrono::steady_clock::now()) {
      said_.WaitFor(lock, end - now);
    }
    return !halted();
  }

 private:
  void Set(std::atomic<bool>* flag) {
    core::MutexLock lock(mutex_);
    flag->store(true);
    said_.NotifyAll();
  }

  static constexpr absl::Duration kPauseMax = absl::Hours(24 * 365);  // as good as for ever, and no clock overflows

  core::Mutex mutex_;
  core::CondVar said_;
  std::atomic<bool> lease_lost_{false};
  std::atomic<bool> detached_{false};
  std::atomic<bool> interrupted_{false};
  std::atomic<bool> look_{false};
};

// The status of a worker that leaves its run as it is, for another to go on with. It is no error of the run.
absl::Status Halt(std::string_view why);
bool IsHalt(const absl::Status& status);

}  // namespace stratus::provisioning::service
