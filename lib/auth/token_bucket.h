// Allows bursts, and a steady rate over time.
#pragma once

#include <algorithm>

#include "absl/time/time.h"

namespace stratus::auth {

// Not safe from several threads by itself. `now` is monotonic.
class TokenBucket {
 public:
  TokenBucket(int burst, absl::Duration refill_one_every) : burst_(burst), refill_(refill_one_every), tokens_(burst) {}

  bool Take(absl::Duration now) {
    tokens_ = std::min<double>(burst_, tokens_ + absl::FDivDuration(now - filled_at_, refill_));
    filled_at_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  const int burst_;
  const absl::Duration refill_;
  double tokens_;
  absl::Duration filled_at_ = absl::ZeroDuration();
};

}  // namespace stratus::auth
