#include "lib/core/log_throttle.h"

#include "gtest/gtest.h"

namespace stratus::core {
namespace {

TEST(LogThrottle, IsDueOnceInItsTime) {
  LogThrottle throttle(absl::Hours(1));
  EXPECT_EQ(throttle.Due(), 1u);
  EXPECT_EQ(throttle.Due(), 0u);
  EXPECT_EQ(throttle.Due(), 0u);
}

TEST(LogThrottle, TellsHowOftenItWasNotDue) {
  LogThrottle always(absl::ZeroDuration());
  EXPECT_EQ(always.Due(), 1u);
  LogThrottle throttle(absl::Nanoseconds(1));
  uint64_t told = 0;
  for (int i = 0; i < 100; ++i) told += throttle.Due();
  EXPECT_GT(told, 0u);
  EXPECT_LE(told, 100u);
}

}  // namespace
}  // namespace stratus::core
