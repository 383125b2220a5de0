#include "lib/http_client/destination.h"

#include <gtest/gtest.h>

#include "lib/core/clock.h"

namespace stratus::http_client {
namespace {

TEST(Destinations, RemembersOneStateAHost) {
  Destinations destinations(1, absl::Seconds(5), 10);
  Destination* a = destinations.Acquire("a:80");
  Destination* b = destinations.Acquire("b:80");
  EXPECT_NE(a, b);
  a->breaker.OnFailure(absl::ZeroDuration());
  Destinations::Release(a);
  EXPECT_EQ(destinations.Acquire("a:80"), a);
  EXPECT_TRUE(a->breaker.open());
  EXPECT_FALSE(b->breaker.open());
}

TEST(Destinations, ForgetsIdleHostsAtItsLimitAndOpenBreakersLast) {
  core::ManualClock clock;
  Destinations destinations(1, absl::Seconds(5), 3);
  Destination* failing = destinations.Acquire("failing:80");
  failing->breaker.OnFailure(clock.Monotonic());
  Destinations::Release(failing);
  Destinations::Release(destinations.Acquire("idle:80"));
  Destination* busy = destinations.Acquire("busy:80");

  ASSERT_NE(destinations.Acquire("new:80"), nullptr);
  EXPECT_EQ(destinations.size(), 3u);
  EXPECT_EQ(destinations.Acquire("busy:80"), busy);
  Destination* again = destinations.Acquire("failing:80");
  EXPECT_TRUE(again->breaker.open());
  EXPECT_EQ(destinations.Acquire("one-too-many:80"), nullptr);

  Destinations::Release(again);
  EXPECT_NE(destinations.Acquire("other:80"), nullptr);
}

}  // namespace
}  // namespace stratus::http_client
