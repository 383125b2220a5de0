#include "lib/http_client/retry.h"

#include <gtest/gtest.h>

#include "lib/core/clock.h"

namespace stratus::http_client {
namespace {

TEST(RetryBudget, AllowsOneRetryToFiveFirstTriesOnceItsStartIsUsedUp) {
  RetryBudget budget;
  int retries = 0;
  while (budget.TakeRetry()) ++retries;
  EXPECT_EQ(retries, 10);
  for (int i = 0; i < 1000; ++i) {
    budget.OnFirstTry();
    if (budget.TakeRetry()) ++retries;
  }
  EXPECT_EQ(retries, 10 + 200);
}

TEST(RetryBudget, DoesNotSaveUpWithoutEnd) {
  RetryBudget budget;
  for (int i = 0; i < 1000; ++i) budget.OnFirstTry();
  int retries = 0;
  while (budget.TakeRetry()) ++retries;
  EXPECT_EQ(retries, 10);
}

TEST(BackoffDelay, DoublesItsCeilingUpToTheMaximum) {
  const auto delay = [](int retries, double fraction) {
    return BackoffDelay(absl::Milliseconds(50), absl::Milliseconds(300), retries, fraction);
  };
  EXPECT_EQ(delay(0, 0.5), absl::Milliseconds(25));
  EXPECT_EQ(delay(1, 0.5), absl::Milliseconds(50));
  EXPECT_EQ(delay(2, 0.5), absl::Milliseconds(100));
  EXPECT_EQ(delay(3, 0.5), absl::Milliseconds(150));
  EXPECT_EQ(delay(1'000'000, 0.5), absl::Milliseconds(150));
  EXPECT_EQ(delay(3, 0), absl::ZeroDuration());
}

TEST(RetryAfter, ReadsSecondsAndDates) {
  core::ManualClock clock(absl::FromUnixSeconds(784111777));  // Sun, 06 Nov 1994 08:49:37 GMT
  EXPECT_EQ(ParseRetryAfter("120", clock.Now()), absl::Seconds(120));
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:50:00 GMT", clock.Now()), absl::Seconds(23));
  EXPECT_EQ(ParseRetryAfter("Sunday, 06-Nov-94 08:50:00 GMT", clock.Now()), absl::Seconds(23));
  EXPECT_EQ(ParseRetryAfter("Sun Nov  6 08:50:00 1994", clock.Now()), absl::Seconds(23));
  clock.Advance(absl::Minutes(1));
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:50:00 GMT", clock.Now()), absl::ZeroDuration());
  EXPECT_EQ(ParseRetryAfter("99999999999999999999", clock.Now()), absl::InfiniteDuration());
}

TEST(RetryAfter, IgnoresWhatIsNeither) {
  for (const char* bad : {"", "-1", "1.5", "soon", "1e3", "Sun, 06 Nov 1994"}) {
    EXPECT_EQ(ParseRetryAfter(bad, absl::UnixEpoch()), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace stratus::http_client
