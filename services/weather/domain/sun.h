// Where the sun stands: sunrise, sunset, day or night.
//
// Computed here for every source, because what sources give is today's at the place alone (OpenWeather), cut by an
// offset that ignores a clock change, or a made-up moment in the polar night (Open-Meteo). The equations are those of
// NOAA's Solar Calculator (gml.noaa.gov/grad/solcalc/calcdetails.html, after Meeus, Astronomical Algorithms), good to
// about a minute up to 72 degrees of latitude and to some ten minutes beyond.
#pragma once

#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "services/weather/domain/model.h"

namespace stratus::weather {

// The height of the sun's centre over the horizon in degrees, without refraction.
double SolarElevationDegrees(const Coordinates& where, absl::Time time);

// The sun counts as up when its upper limb shows with normal refraction: centre over -0.833 degrees.
bool IsSunUp(const Coordinates& where, absl::Time time);

struct SunEvent {
  absl::Time time;
  bool rises = false;
};

// The sun over one span of time, usually a local day.
struct SunDay {
  bool up_at_start = false;
  std::vector<SunEvent> events;  // ascending; rising and setting alternate

  // The first sunrise; near the poles there can be two in a local day.
  std::optional<absl::Time> Sunrise() const;
  // The last sunset, so that it follows the sunrise wherever one does.
  std::optional<absl::Time> Sunset() const;
  // Agrees with the events to the second.
  bool IsUp(absl::Time time) const;
};

SunDay ComputeSunDay(const Coordinates& where, absl::Time start, absl::Time end);

}  // namespace stratus::weather
