#include "lib/http_client/circuit_breaker.h"

#include <gtest/gtest.h>

#include "lib/core/clock.h"

namespace stratus::http_client {
namespace {

class CircuitBreakerTest : public testing::Test {
 protected:
  void Fail(int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_TRUE(breaker_.Allow(clock_.Monotonic()));
      breaker_.OnFailure(clock_.Monotonic());
    }
  }
  bool Allow() { return breaker_.Allow(clock_.Monotonic()); }

  core::ManualClock clock_;
  CircuitBreaker breaker_{3, absl::Seconds(5)};
};

TEST_F(CircuitBreakerTest, OpensAfterFailuresInARowAlone) {
  Fail(2);
  ASSERT_TRUE(Allow());
  breaker_.OnSuccess();
  Fail(2);
  EXPECT_FALSE(breaker_.open());
  Fail(1);
  EXPECT_TRUE(breaker_.open());
  EXPECT_FALSE(Allow());
}

TEST_F(CircuitBreakerTest, LetsOneRequestTryAfterItsTime) {
  Fail(3);
  clock_.Advance(absl::Seconds(5) - absl::Nanoseconds(1));
  EXPECT_FALSE(Allow());
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_TRUE(Allow());
  EXPECT_FALSE(Allow()) << "a second trial beside the first";
}

TEST_F(CircuitBreakerTest, ClosesWhenTheTrialSucceeds) {
  Fail(3);
  clock_.Advance(absl::Seconds(5));
  ASSERT_TRUE(Allow());
  breaker_.OnSuccess();
  EXPECT_FALSE(breaker_.open());
  Fail(2);
  EXPECT_FALSE(breaker_.open()) << "failures from before the trial still count";
}

TEST_F(CircuitBreakerTest, OpensAgainForTheWholeTimeWhenTheTrialFails) {
  Fail(3);
  clock_.Advance(absl::Seconds(5));
  ASSERT_TRUE(Allow());
  breaker_.OnFailure(clock_.Monotonic());
  clock_.Advance(absl::Seconds(4));
  EXPECT_FALSE(Allow());
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(Allow());
}

TEST_F(CircuitBreakerTest, AnAbandonedTrialLeavesItsPlaceToTheNext) {
  Fail(3);
  clock_.Advance(absl::Seconds(5));
  ASSERT_TRUE(Allow());
  breaker_.OnAbandoned();
  EXPECT_TRUE(breaker_.open());
  EXPECT_TRUE(Allow());
}

TEST_F(CircuitBreakerTest, LateRepliesNeitherCloseNorProlongIt) {
  ASSERT_TRUE(Allow());  // two early requests, still under way when it opens
  ASSERT_TRUE(Allow());
  Fail(3);
  clock_.Advance(absl::Seconds(4));
  breaker_.OnSuccess();
  EXPECT_FALSE(Allow());
  breaker_.OnFailure(clock_.Monotonic());
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(Allow());
}

}  // namespace
}  // namespace stratus::http_client
