// How much one run may write through its door. A run writes its state as it likes, and every version is kept: without
// an end to it, one run could fill the store of all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "lib/core/mutex.h"

namespace stratus::provisioning::service {

// Thread-safe. Counts from when the door was opened: a run that is taken over begins anew.
class StateBudget {
 public:
  // The engine saves at most every 20 seconds, and at its ends.
  struct Limits {
    int64_t writes = 2000;
    int64_t bytes = int64_t{1} << 30;
  };
  StateBudget(std::string_view run_uid, Limits limits) : run_uid_(run_uid), limits_(limits) {}

  // Of one write, whether it is stored in the end or not. RESOURCE_EXHAUSTED names the limit; the first is logged.
  absl::Status Take(size_t bytes);

 private:
  const std::string run_uid_;
  const Limits limits_;
  core::Mutex mutex_;
  int64_t writes_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool told_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace stratus::provisioning::service
