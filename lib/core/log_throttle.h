// A line that says the same again and again is written once in a while, with how often there was reason to.
//
//   static core::LogThrottle throttle(absl::Minutes(1));
//   if (const uint64_t times = throttle.Due()) core::Log(..., {{"times_since_last_line", times}});
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "absl/time/time.h"

namespace stratus::core {

// Any thread.
class LogThrottle {
 public:
  explicit LogThrottle(absl::Duration interval) : interval_ns_(absl::ToInt64Nanoseconds(interval)) {}

  // 0: not now. Else how many times it was asked since it last was due, this time included.
  uint64_t Due() {
    const int64_t now = std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
    times_.fetch_add(1, std::memory_order_relaxed);
    int64_t next = next_ns_.load(std::memory_order_relaxed);
    if (now < next || !next_ns_.compare_exchange_strong(next, now + interval_ns_)) return 0;
    return times_.exchange(0, std::memory_order_relaxed);
  }

 private:
  const int64_t interval_ns_;
  std::atomic<int64_t> next_ns_{0};
  std::atomic<uint64_t> times_{0};
};

}  // namespace stratus::core
