#include "gateway/http/rate_floor.h"

#include "gtest/gtest.h"

namespace stratus::gateway::http {
namespace {

constexpr RateFloor::Rule kRule = {.ticks = 10, .bytes_per_tick = 100};

// Ticks until it is too slow, at so many bytes each; 1000: it never is.
int TicksAt(RateFloor* floor, size_t bytes, size_t debts = 1) {
  for (int i = 1; i < 1000; ++i) {
    if (!floor->Keep(kRule, bytes, debts)) return i;
  }
  return 1000;
}

TEST(RateFloor, AllowsItsTimeToOneWhoStops) {
  RateFloor floor;
  EXPECT_EQ(TicksAt(&floor, 0), 11);
}

TEST(RateFloor, TakesTheAverage) {
  RateFloor slow;
  EXPECT_EQ(TicksAt(&slow, 50), 21);
  RateFloor quick;
  EXPECT_EQ(TicksAt(&quick, 100), 1000);
  RateFloor lumps;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(lumps.Keep(kRule, i % 8 == 0 ? 800 : 0)) << i;
}

TEST(RateFloor, GivesNoCreditForWhatCameQuickly) {
  RateFloor floor;
  EXPECT_TRUE(floor.Keep(kRule, 1'000'000));
  EXPECT_EQ(TicksAt(&floor, 0), 11);
}

TEST(RateFloor, WantsItsRateForEachDebt) {
  RateFloor floor;
  EXPECT_LT(TicksAt(&floor, 100, 4), 1000);
  floor.Reset();
  EXPECT_EQ(TicksAt(&floor, 400, 4), 1000);
}

TEST(RateFloor, MayBeOff) {
  RateFloor floor;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(floor.Keep({.ticks = 10, .bytes_per_tick = 0}, 0));
}

}  // namespace
}  // namespace stratus::gateway::http
