// The variables that Open-Meteo's forecast offers here: names, units, and how they are read off the weather.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "services/sandbox/climate.h"

namespace stratus::sandbox {

enum class Quantity {
  kTemperature,
  kSpeed,
  kPrecipitation,  // kept in mm
  kSnowfall,       // kept in cm
  kLength,         // kept in m
  kPressure,
  kPercent,
  kDegrees,
  kSeconds,
  kHours,
  kWeatherCode,
  kPlain,  // has no unit
};

// What temperature_unit, wind_speed_unit and precipitation_unit choose.
struct MeteoUnits {
  std::string temperature = "celsius";  // or fahrenheit
  std::string wind_speed = "kmh";       // or ms, mph, kn
  std::string precipitation = "mm";     // or inch

  // The name in the `*_units` objects: `°C`, `mp/h`.
  std::string NameOf(Quantity quantity) const;
  double Convert(Quantity quantity, double value) const;
};

// Of `current` and `hourly`.
struct HourlyVariable {
  const char* name;
  Quantity quantity;
  int decimals;
  double (*value)(const Conditions& now);
};
const HourlyVariable* FindHourlyVariable(std::string_view name);

// Of `daily`, but sunrise and sunset, which are times.
struct DailyVariable {
  const char* name;
  Quantity quantity;
  int decimals;
  double (*value)(const std::vector<Conditions>& hours);
};
const DailyVariable* FindDailyVariable(std::string_view name);

}  // namespace stratus::sandbox
