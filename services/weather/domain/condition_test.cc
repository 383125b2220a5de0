#include "services/weather/domain/condition.h"

#include <gtest/gtest.h>

#include "services/weather/domain/dew_point.h"

namespace stratus::weather {
namespace {

TEST(Condition, ReadsBothSourcesIntoOneSetOfKinds) {
  EXPECT_EQ(SkyFromWmo(0).kind, v1::Condition::KIND_CLEAR);
  EXPECT_EQ(SkyFromOpenWeather(800, "clear sky").kind, v1::Condition::KIND_CLEAR);
  EXPECT_EQ(SkyFromWmo(66).kind, v1::Condition::KIND_FREEZING_RAIN);
  EXPECT_EQ(SkyFromOpenWeather(511, "freezing rain").kind, v1::Condition::KIND_FREEZING_RAIN);
  EXPECT_EQ(SkyFromWmo(99).kind, v1::Condition::KIND_THUNDERSTORM);
  EXPECT_EQ(SkyFromOpenWeather(211, "giông bão").text, "giông bão");
  EXPECT_EQ(SkyFromOpenWeather(781, "tornado").kind, v1::Condition::KIND_STORM);
}

TEST(Condition, KeepsAnUnknownCodeWithoutGuessingAKind) {
  const Sky wmo = SkyFromWmo(42);
  EXPECT_EQ(wmo.kind, v1::Condition::KIND_UNSPECIFIED);
  EXPECT_EQ(wmo.source_code, 42);
  EXPECT_EQ(wmo.text, "Weather code 42");
  EXPECT_EQ(IconName(wmo, true), "");
  EXPECT_EQ(SkyFromOpenWeather(999, "odd").text, "odd");
}

TEST(Condition, TheIconFollowsTheSun) {
  EXPECT_EQ(IconName(SkyFromWmo(0), true), "01d");
  EXPECT_EQ(IconName(SkyFromWmo(0), false), "01n");
  EXPECT_EQ(IconName(SkyFromOpenWeather(500, "light rain"), false), "10n");
}

TEST(Condition, WorseWeatherIsMoreSevere) {
  EXPECT_LT(Severity(v1::Condition::KIND_CLEAR), Severity(v1::Condition::KIND_CLOUDY));
  EXPECT_LT(Severity(v1::Condition::KIND_CLOUDY), Severity(v1::Condition::KIND_RAIN));
  EXPECT_LT(Severity(v1::Condition::KIND_FREEZING_RAIN), Severity(v1::Condition::KIND_THUNDERSTORM));
  EXPECT_EQ(Severity(v1::Condition::KIND_UNSPECIFIED), 0);
}

TEST(DewPoint, FollowsMagnusAndStaysAbsentWhereItCannotBeKnown) {
  EXPECT_NEAR(*DewPointCelsius(20, 50), 9.26, 0.05);  // published tables: 9.3
  EXPECT_NEAR(*DewPointCelsius(30, 100), 30, 1e-9);
  EXPECT_FALSE(DewPointCelsius(std::nullopt, 50));
  EXPECT_FALSE(DewPointCelsius(20, std::nullopt));
  EXPECT_FALSE(DewPointCelsius(20, 0));
  EXPECT_FALSE(DewPointCelsius(-70, 50));
}

}  // namespace
}  // namespace stratus::weather
