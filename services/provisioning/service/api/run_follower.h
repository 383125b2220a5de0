// Looks at a run again and again, whenever there may be something new, until it has seen enough: what WatchRun,
// WaitOperation and the direct form share. Looks never overlap; a wake during one makes another.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/core/mutex.h"
#include "services/provisioning/service/api/fair_executor.h"
#include "services/provisioning/service/api/run_hub.h"

namespace stratus::provisioning::service {

class RunFollower : public std::enable_shared_from_this<RunFollower> {
 public:
  enum class Next { kWait, kLookAgain, kEnd };
  using Done = std::function<void(Next)>;
  // Runs on the executor, where it may call the store, and calls `done` once, then or later, on any thread. `time_up`:
  // the deadline has passed, so that this look is the last (`done` takes kEnd).
  using Look = std::function<void(bool time_up, Done done)>;

  struct Parts {
    FairExecutor* executor;
    RunHub* hub;
  };

  // Looks at once, then waits. Errors as of RunHub::Add: `look` never runs then. What `look` holds goes when the
  // follower ends.
  static absl::StatusOr<std::shared_ptr<RunFollower>> Start(Parts parts, std::string_view tenant,
                                                            std::string_view run_uid, absl::Time deadline, Look look);

  // No look begins after this. From any thread.
  void Stop();

 private:
  RunFollower(Parts parts, std::string_view tenant, Look look);
  void Wake(RunHub::Wake wake);
  void BeginLook();
  void AfterLook(Next next);

  const Parts parts_;
  const std::string tenant_;
  core::Mutex mutex_;
  std::shared_ptr<const Look> look_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<RunHub::Waiter> waiter_ ABSL_GUARDED_BY(mutex_);
  bool looking_ ABSL_GUARDED_BY(mutex_) = false;
  bool again_ ABSL_GUARDED_BY(mutex_) = false;
  bool time_up_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace stratus::provisioning::service
