// How many retries a cluster may make: a share of its calls, so that a failing upstream is not buried under them.
#pragma once

#include <algorithm>
#include <cstdint>

namespace stratus::gateway::upstream {

class RetryBudget {
 public:
  explicit RetryBudget(int percent) : per_call_(percent) {}

  // A first attempt was made.
  void OnCall() { balance_ = std::min(balance_ + per_call_, kMax); }
  // Takes one retry; false when there is none left. `now_ns` is monotonic: a retry comes back each second, so that a
  // quiet cluster can retry too.
  bool Take(int64_t now_ns) {
    if (refilled_ns_ == 0) refilled_ns_ = now_ns;
    const int64_t seconds = (now_ns - refilled_ns_) / 1'000'000'000;
    refilled_ns_ += seconds * 1'000'000'000;
    balance_ = std::min(balance_ + std::min(seconds, kMax / kOne) * kOne, kMax);
    if (per_call_ == 0 || balance_ < kOne) return false;
    balance_ -= kOne;
    return true;
  }

 private:
  static constexpr int64_t kOne = 100;  // hundredths
  static constexpr int64_t kReserve = 10 * kOne;
  static constexpr int64_t kMax = 100 * kOne;

  const int64_t per_call_;
  int64_t balance_ = kReserve;
  int64_t refilled_ns_ = 0;
};

}  // namespace stratus::gateway::upstream
