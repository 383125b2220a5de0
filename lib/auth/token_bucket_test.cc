#include "lib/auth/token_bucket.h"

#include <gtest/gtest.h>

namespace stratus::auth {
namespace {

TEST(TokenBucket, AllowsABurstAndThenItsRate) {
  TokenBucket bucket(3, absl::Seconds(2));
  absl::Duration now = absl::Hours(1);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.Take(now));
  EXPECT_FALSE(bucket.Take(now));
  now += absl::Seconds(1);
  EXPECT_FALSE(bucket.Take(now));
  now += absl::Seconds(1);
  EXPECT_TRUE(bucket.Take(now));
  EXPECT_FALSE(bucket.Take(now));
}

TEST(TokenBucket, NeverHoldsMoreThanItsBurst) {
  TokenBucket bucket(2, absl::Seconds(1));
  const absl::Duration now = absl::Hours(1000);
  EXPECT_TRUE(bucket.Take(now));
  EXPECT_TRUE(bucket.Take(now));
  EXPECT_FALSE(bucket.Take(now));
}

}  // namespace
}  // namespace stratus::auth
