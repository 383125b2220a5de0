#include "lib/auth/check_counters.h"

namespace stratus::auth {

CheckCounters::Stripe& CheckCounters::OfThisThread() {
  static std::atomic<size_t> next{0};
  thread_local const size_t index = next.fetch_add(1, std::memory_order_relaxed) % kStripes;
  return stripes_[index];
}

CheckCounters::Totals CheckCounters::Sum() const {
  Totals totals;
  for (const Stripe& stripe : stripes_) {
    for (size_t i = 0; i < kOutcomeClasses; ++i) {
      totals.outcomes[i] += stripe.outcomes[i].load(std::memory_order_relaxed);
    }
    totals.cache_hits += stripe.cache_hits.load(std::memory_order_relaxed);
    totals.cache_misses += stripe.cache_misses.load(std::memory_order_relaxed);
  }
  return totals;
}

}  // namespace stratus::auth
