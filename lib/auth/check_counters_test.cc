#include "lib/auth/check_counters.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace stratus::auth {
namespace {

TEST(CheckCounters, AddsUpWhatManyThreadsCount) {
  CheckCounters counters;
  std::vector<std::thread> threads;
  for (int i = 0; i < 40; ++i) {  // more than there are stripes
    threads.emplace_back([&] {
      for (int j = 0; j < 100; ++j) counters.CountOutcome(Outcome::Class::kBadToken);
      counters.CountCacheHit();
      counters.CountCacheMiss();
      counters.CountCacheMiss();
    });
  }
  for (std::thread& thread : threads) thread.join();
  const CheckCounters::Totals totals = counters.Sum();
  EXPECT_EQ(totals.outcomes[static_cast<size_t>(Outcome::Class::kBadToken)], 4000u);
  EXPECT_EQ(totals.outcomes[static_cast<size_t>(Outcome::Class::kAllowed)], 0u);
  EXPECT_EQ(totals.cache_hits, 40u);
  EXPECT_EQ(totals.cache_misses, 80u);
}

}  // namespace
}  // namespace stratus::auth
