// Where the sun stands, by the low-precision formulas of the Astronomical Almanac (good to about a minute): enough for
// sunrise, sunset, day or night, and a daily cycle.
#pragma once

#include "absl/time/time.h"

namespace stratus::sandbox {

struct SunDay {
  enum class Kind { kRisesAndSets, kNeverSets, kNeverRises };
  Kind kind = Kind::kRisesAndSets;
  absl::Time sunrise;  // with kRisesAndSets alone
  absl::Time sunset;
};

// The day around the solar noon nearest to `near`. Degrees, north and east positive.
SunDay SunDayAround(double latitude, double longitude, absl::Time near);

// Degrees over the horizon, negative at night.
double SunElevation(double latitude, double longitude, absl::Time time);

// Hours of true solar time, in [0, 24).
double SolarHour(double longitude, absl::Time time);

}  // namespace stratus::sandbox
