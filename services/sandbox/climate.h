// Made-up weather: the same for the same place and time on every machine, with the seasons, the course of the day, and
// fronts that pass over some days. Plausible, not true.
#pragma once

#include "absl/time/time.h"

namespace stratus::sandbox {

struct Conditions {
  double temperature = 0;  // degrees Celsius
  double feels_like = 0;
  double dew_point = 0;
  double humidity = 0;                   // percent
  double pressure_msl = 0;               // hPa
  double surface_pressure = 0;           // hPa
  double wind_speed = 0;                 // m/s
  double wind_gust = 0;                  // m/s
  double wind_direction = 0;             // degrees that it comes from
  double cloud_cover = 0;                // percent
  double rain = 0;                       // mm in the hour
  double snow = 0;                       // mm of water in the hour
  double precipitation_probability = 0;  // percent
  double visibility = 0;                 // m
  double uv_index = 0;
  int weather_code = 0;  // WMO 4677, as Open-Meteo uses it
  bool is_day = false;

  double precipitation() const { return rain + snow; }
};

// `elevation` in metres.
Conditions ConditionsAt(double latitude, double longitude, double elevation, absl::Time time);

}  // namespace stratus::sandbox
