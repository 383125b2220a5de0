#include "services/sandbox/sun.h"

#include <gtest/gtest.h>

namespace stratus::sandbox {
namespace {

absl::Time Utc(const char* text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime("%Y-%m-%d %H:%M", text, &time, &error)) << error;
  return time;
}

void ExpectNear(absl::Time actual, const char* expected) {
  EXPECT_LE(absl::AbsDuration(actual - Utc(expected)), absl::Minutes(3)) << actual << " is not near " << expected;
}

// Times as almanacs print them (timeanddate.com).
TEST(Sun, RisesAndSetsWhenAlmanacsSay) {
  const SunDay london = SunDayAround(51.5085, -0.1257, Utc("2024-06-20 12:00"));
  ASSERT_EQ(london.kind, SunDay::Kind::kRisesAndSets);
  ExpectNear(london.sunrise, "2024-06-20 03:43");
  ExpectNear(london.sunset, "2024-06-20 20:21");
  const SunDay hanoi = SunDayAround(21.0245, 105.8412, Utc("2024-01-15 05:00"));
  ExpectNear(hanoi.sunrise, "2024-01-14 23:36");
  ExpectNear(hanoi.sunset, "2024-01-15 10:35");
}

TEST(Sun, BelongsToTheNearestNoonAcrossTheDateLine) {
  // Noon of 15 January on the Chatham Islands (+13:45) is 22:15 UTC of the 14th.
  const SunDay day = SunDayAround(-43.95, -176.56, Utc("2024-01-14 22:15"));
  EXPECT_GT(day.sunrise, Utc("2024-01-14 14:00"));
  EXPECT_LT(day.sunrise, Utc("2024-01-14 18:00"));
  EXPECT_GT(day.sunset, Utc("2024-01-15 06:00"));
  EXPECT_LT(day.sunset, Utc("2024-01-15 10:00"));
}

TEST(Sun, KnowsPolarDayAndNight) {
  EXPECT_EQ(SunDayAround(78.22, 15.65, Utc("2024-06-20 12:00")).kind, SunDay::Kind::kNeverSets);
  EXPECT_EQ(SunDayAround(78.22, 15.65, Utc("2024-12-20 12:00")).kind, SunDay::Kind::kNeverRises);
  EXPECT_EQ(SunDayAround(-90, 0, Utc("2024-06-20 12:00")).kind, SunDay::Kind::kNeverRises);
  EXPECT_EQ(SunDayAround(-90, 0, Utc("2024-12-20 12:00")).kind, SunDay::Kind::kNeverSets);
}

TEST(Sun, StandsOverTheTropicAtTheSolstice) {
  // Solar noon at 23.44 N, 0 E on the day of the solstice.
  EXPECT_GT(SunElevation(23.44, 0, Utc("2024-06-20 12:02")), 89.5);
  EXPECT_LT(SunElevation(23.44, 0, Utc("2024-06-20 00:02")), -40);
}

TEST(SolarHour, FollowsLongitudeAndStaysInADay) {
  EXPECT_NEAR(SolarHour(0, Utc("2024-04-15 12:00")), 12, 0.05);  // the equation of time is about 0
  EXPECT_NEAR(SolarHour(90, Utc("2024-04-15 12:00")), 18, 0.05);
  EXPECT_NEAR(SolarHour(-180, Utc("2024-04-15 11:00")), 23, 0.05);
}

}  // namespace
}  // namespace stratus::sandbox
