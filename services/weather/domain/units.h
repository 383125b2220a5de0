// From the model's fixed units to the ones a caller asked for.
#pragma once

#include <optional>
#include <string_view>

#include "stratus/weather/v1/weather.pb.h"

namespace stratus::weather {

// The unit of each quantity; never UNSPECIFIED.
struct Units {
  v1::TemperatureUnit temperature = v1::TEMPERATURE_UNIT_CELSIUS;
  v1::SpeedUnit wind_speed = v1::SPEED_UNIT_METERS_PER_SECOND;
  v1::PressureUnit pressure = v1::PRESSURE_UNIT_HECTOPASCAL;
  v1::LengthUnit precipitation = v1::LENGTH_UNIT_MILLIMETER;
  v1::DistanceUnit visibility = v1::DISTANCE_UNIT_KILOMETER;

  friend bool operator==(const Units&, const Units&) = default;
};

// `metric`, `imperial` or `standard`, in lower case; empty means metric. Nothing for any other name.
std::optional<Units> UnitSystem(std::string_view name);

// Each takes the model's unit and gives the one named, rounded to what a reader can use: two decimals, three for
// inches of rain, where 0.1 mm is 0.004 in.
double ToTemperature(double celsius, v1::TemperatureUnit unit);
double ToSpeed(double meters_per_second, v1::SpeedUnit unit);
double ToPressure(double hectopascal, v1::PressureUnit unit);
double ToPrecipitation(double millimeters, v1::LengthUnit unit);
double ToVisibility(double meters, v1::DistanceUnit unit);

// To two decimals, halves away from zero.
double Round2(double value);

}  // namespace stratus::weather
