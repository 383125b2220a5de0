// Counts of token checks, cheap enough to keep on the path of every call.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "lib/auth/outcome.h"

namespace stratus::auth {

// Threads write to different cache lines (up to kStripes of them); a reader adds up. Safe from any thread.
class CheckCounters {
 public:
  struct Totals {
    std::array<uint64_t, kOutcomeClasses> outcomes{};
    uint64_t cache_hits = 0;
    uint64_t cache_misses = 0;
  };

  void CountOutcome(Outcome::Class result) { Add(&OfThisThread().outcomes[static_cast<size_t>(result)]); }
  void CountCacheHit() { Add(&OfThisThread().cache_hits); }
  void CountCacheMiss() { Add(&OfThisThread().cache_misses); }

  Totals Sum() const;

 private:
  static constexpr size_t kStripes = 16;
  using Counter = std::atomic<uint64_t>;

  struct alignas(64) Stripe {
    std::array<Counter, kOutcomeClasses> outcomes{};
    Counter cache_hits{0};
    Counter cache_misses{0};
  };

  static void Add(Counter* counter) { counter->fetch_add(1, std::memory_order_relaxed); }
  Stripe& OfThisThread();

  std::array<Stripe, kStripes> stripes_;
};

}  // namespace stratus::auth
