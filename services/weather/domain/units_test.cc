#include "services/weather/domain/units.h"

#include <gtest/gtest.h>

namespace stratus::weather {
namespace {

TEST(Units, TheThreeSystemsAreKnownByTheirLowerCaseNamesAlone) {
  EXPECT_EQ(UnitSystem(""), UnitSystem("metric"));
  EXPECT_EQ(UnitSystem("metric")->temperature, v1::TEMPERATURE_UNIT_CELSIUS);
  EXPECT_EQ(UnitSystem("standard")->temperature, v1::TEMPERATURE_UNIT_KELVIN);
  EXPECT_EQ(UnitSystem("standard")->wind_speed, v1::SPEED_UNIT_METERS_PER_SECOND);
  EXPECT_EQ(UnitSystem("imperial")->pressure, v1::PRESSURE_UNIT_INCHES_OF_MERCURY);
  EXPECT_FALSE(UnitSystem("Metric"));
  EXPECT_FALSE(UnitSystem("si"));
}

TEST(Units, ConvertEachQuantity) {
  EXPECT_EQ(ToTemperature(21.3, v1::TEMPERATURE_UNIT_CELSIUS), 21.3);
  EXPECT_EQ(ToTemperature(-40, v1::TEMPERATURE_UNIT_FAHRENHEIT), -40);
  EXPECT_EQ(ToTemperature(21.3, v1::TEMPERATURE_UNIT_FAHRENHEIT), 70.34);
  EXPECT_EQ(ToTemperature(21.3, v1::TEMPERATURE_UNIT_KELVIN), 294.45);
  EXPECT_EQ(ToSpeed(10, v1::SPEED_UNIT_METERS_PER_SECOND), 10);
  EXPECT_EQ(ToSpeed(10, v1::SPEED_UNIT_KILOMETERS_PER_HOUR), 36);
  EXPECT_EQ(ToSpeed(10, v1::SPEED_UNIT_MILES_PER_HOUR), 22.37);
  EXPECT_EQ(ToSpeed(10, v1::SPEED_UNIT_KNOTS), 19.44);
  EXPECT_EQ(ToPressure(1013.25, v1::PRESSURE_UNIT_HECTOPASCAL), 1013.25);
  EXPECT_EQ(ToPressure(1013.25, v1::PRESSURE_UNIT_INCHES_OF_MERCURY), 29.92);
  EXPECT_EQ(ToPrecipitation(0.1, v1::LENGTH_UNIT_MILLIMETER), 0.1);
  EXPECT_EQ(ToPrecipitation(0.1, v1::LENGTH_UNIT_INCH), 0.004);
  EXPECT_EQ(ToVisibility(10000, v1::DISTANCE_UNIT_KILOMETER), 10);
  EXPECT_EQ(ToVisibility(10000, v1::DISTANCE_UNIT_MILE), 6.21);
}

}  // namespace
}  // namespace stratus::weather
