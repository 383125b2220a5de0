// Claims runs and drives each on a thread of its own; keeps their leases; takes over those of replicas that are gone.
//
// Threads: one that claims and takes over, one for the heartbeat (so that a slow claim never costs a lease), one that
// does the housekeeping, and one a run, at most runs_max of them plus those that were under way at the start.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "lib/core/clock.h"
#include "lib/core/mutex.h"
#include "services/provisioning/service/runtime/housekeeping.h"
#include "services/provisioning/service/runtime/run_control.h"
#include "services/provisioning/service/runtime/runtime_parts.h"

namespace stratus::provisioning::service {

class Scheduler {
 public:
  // `parts` outlives it. Takes this replica's own runs up again first.
  static absl::StatusOr<std::unique_ptr<Scheduler>> Start(const RuntimeParts* parts);
  // Stops without stopping the engines.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Claims nothing more.
  void Drain();
  // Ends every thread. The engines go on under their shims, and their runs' leases stay this replica's; with
  // `stop_runs` they are interrupted, and their ends waited for, at most `grace`.
  void Stop(bool stop_runs, absl::Duration grace);

  struct Stats {
    int under_way = 0;
    absl::Duration since_heartbeat;  // that reached the store
  };
  Stats stats() const;

 private:
  struct UnderWay {
    std::unique_ptr<RunControl> control;
    std::thread thread;
    bool over = false;
  };

  explicit Scheduler(const RuntimeParts* parts);
  absl::Status TakeUpOwn();
  void Launch(store::RunRow run, bool taken_over);
  void EndFormer(const std::string& uid);
  void Heartbeat();
  void Claim();
  void Keep();
  int ClaimMore();
  void TakeOverExpired();
  void Reap();
  int FreeSlots() const;
  void Hear(std::string_view topic);
  bool WaitFor(absl::Duration time, bool wake_on_queue);
  bool RenewOnce();

  const RuntimeParts& parts_;
  Housekeeping housekeeping_;
  mutable core::Mutex mutex_;
  core::CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool queue_changed_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Duration last_heartbeat_ ABSL_GUARDED_BY(mutex_) = core::Clock::Real().Monotonic();
  std::map<std::string, UnderWay> runs_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<store::Store::Subscription> subscription_;
  std::thread claimer_;
  std::thread heartbeat_;
  std::thread keeper_;
};

}  // namespace stratus::provisioning::service
