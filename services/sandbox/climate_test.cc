#include "services/sandbox/climate.h"

#include <gtest/gtest.h>

#include <set>

#include "services/sandbox/places.h"

namespace stratus::sandbox {
namespace {

const absl::Time kJanuary = absl::FromUnixSeconds(1705320000);  // 2024-01-15 12:00 UTC
const absl::Time kJuly = absl::FromUnixSeconds(1721044800);     // 2024-07-15 12:00 UTC

TEST(Climate, IsPlausibleEverywhereAndAlways) {
  for (const Place& place : Places()) {
    for (int hour = 0; hour < 24 * 365; hour += 7) {
      const absl::Time time = kJanuary + absl::Hours(hour);
      const Conditions c = ConditionsAt(place.latitude, place.longitude, place.elevation, time);
      SCOPED_TRACE(testing::Message() << place.name << " " << time);
      ASSERT_GT(c.temperature, -75);
      ASSERT_LT(c.temperature, 48);
      ASSERT_LE(c.dew_point, c.temperature + 1e-9);
      ASSERT_GE(c.humidity, 15);
      ASSERT_LE(c.humidity, 100);
      ASSERT_GT(c.pressure_msl, 970);
      ASSERT_LT(c.pressure_msl, 1050);
      ASSERT_GE(c.wind_gust, c.wind_speed);
      ASSERT_GE(c.wind_direction, 0);
      ASSERT_LT(c.wind_direction, 360);
      ASSERT_GE(c.cloud_cover, 0);
      ASSERT_LE(c.cloud_cover, 100);
      ASSERT_GE(c.precipitation(), 0);
      ASSERT_GE(c.uv_index, 0);
      ASSERT_LT(c.uv_index, 14);
      if (!c.is_day) {
        ASSERT_EQ(c.uv_index, 0);
      }
      if (c.precipitation() > 0) {
        ASSERT_GE(c.weather_code, 51);
        ASSERT_GT(c.precipitation_probability, 0);
      } else {
        ASSERT_LE(c.weather_code, 3);
      }
    }
  }
}

TEST(Climate, IsTheSameEachTimeAndOtherElsewhere) {
  EXPECT_EQ(ConditionsAt(21.03, 105.83, 12, kJuly).temperature, ConditionsAt(21.03, 105.83, 12, kJuly).temperature);
  EXPECT_NE(ConditionsAt(21.03, 105.83, 12, kJuly).cloud_cover, ConditionsAt(16.07, 108.22, 7, kJuly).cloud_cover);
}

TEST(Climate, HasSeasonsDaysAndFronts) {
  const auto mean = [](double latitude, absl::Time from) {
    double sum = 0;
    for (int hour = 0; hour < 24 * 14; ++hour)
      sum += ConditionsAt(latitude, 0, 0, from + absl::Hours(hour)).temperature;
    return sum / (24 * 14);
  };
  EXPECT_GT(mean(50, kJuly), mean(50, kJanuary) + 5);
  EXPECT_LT(mean(-50, kJuly), mean(-50, kJanuary) - 5);
  std::set<int> codes;
  for (int hour = 0; hour < 24 * 60; ++hour)
    codes.insert(ConditionsAt(50, 0, 0, kJuly + absl::Hours(hour)).weather_code);
  EXPECT_GE(codes.size(), 5u);
}

}  // namespace
}  // namespace stratus::sandbox
