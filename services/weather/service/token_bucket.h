// A budget of requests to an upstream.
#pragma once

#include <algorithm>

#include "absl/time/time.h"
#include "lib/core/clock.h"
#include "lib/core/mutex.h"

namespace stratus::weather {

class TokenBucket {
 public:
  // `per_minute` tokens come back evenly over each minute; at most that many are kept. `clock` outlives the bucket.
  TokenBucket(int per_minute, const core::Clock* clock)
      : capacity_(per_minute),
        refill_per_second_(per_minute / 60.0),
        clock_(clock),
        tokens_(per_minute),
        updated_(clock->Monotonic()) {}

  // Takes `count` tokens and returns zero, or takes none and returns how long it will be until there are enough.
  absl::Duration Take(int count) {
    core::MutexLock lock(mutex_);
    const absl::Duration now = clock_->Monotonic();
    tokens_ = std::min(capacity_, tokens_ + absl::ToDoubleSeconds(now - updated_) * refill_per_second_);
    updated_ = now;
    if (tokens_ >= count) {
      tokens_ -= count;
      return absl::ZeroDuration();
    }
    return absl::Seconds((count - tokens_) / refill_per_second_);
  }

 private:
  const double capacity_;
  const double refill_per_second_;
  const core::Clock* const clock_;
  core::Mutex mutex_;
  double tokens_ ABSL_GUARDED_BY(mutex_);
  absl::Duration updated_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stratus::weather
