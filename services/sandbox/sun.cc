#include "services/sandbox/sun.h"

#include <algorithm>
#include <cmath>

namespace stratus::sandbox {
namespace {

constexpr double kRadians = M_PI / 180;
// The upper limb touches the horizon, refraction included.
constexpr double kRiseElevation = -0.833;

struct SunPosition {
  double declination;       // degrees
  double equation_of_time;  // minutes that a sundial is ahead of the clock
};

double Wrap(double value, double from, double period) { return value - std::floor((value - from) / period) * period; }

SunPosition PositionAt(absl::Time time) {
  const double days = absl::ToDoubleSeconds(time - absl::FromUnixSeconds(946728000)) / 86400;  // since J2000.0
  const double mean_longitude = 280.460 + 0.9856474 * days;
  const double anomaly = (357.528 + 0.9856003 * days) * kRadians;
  const double ecliptic = (mean_longitude + 1.915 * std::sin(anomaly) + 0.020 * std::sin(2 * anomaly)) * kRadians;
  const double obliquity = (23.439 - 0.0000004 * days) * kRadians;
  const double ascension = std::atan2(std::cos(obliquity) * std::sin(ecliptic), std::cos(ecliptic)) / kRadians;
  return {std::asin(std::sin(obliquity) * std::sin(ecliptic)) / kRadians,
          4 * Wrap(mean_longitude - ascension, -180, 360)};
}

}  // namespace

double SolarHour(double longitude, absl::Time time) {
  const double utc_hours = Wrap(absl::ToDoubleSeconds(time - absl::UnixEpoch()), 0, 86400) / 3600;
  return Wrap(utc_hours + longitude / 15 + PositionAt(time).equation_of_time / 60, 0, 24);
}

SunDay SunDayAround(double latitude, double longitude, absl::Time near) {
  const absl::Time noon = near - absl::Seconds(3600 * Wrap(SolarHour(longitude, near) - 12, -12, 24));
  const double declination = PositionAt(noon).declination * kRadians;
  const double north = std::clamp(latitude, -89.9, 89.9) * kRadians;
  const double cosine = (std::sin(kRiseElevation * kRadians) - std::sin(north) * std::sin(declination)) /
                        (std::cos(north) * std::cos(declination));
  SunDay day;
  if (cosine < -1) {
    day.kind = SunDay::Kind::kNeverSets;
  } else if (cosine > 1) {
    day.kind = SunDay::Kind::kNeverRises;
  } else {
    const absl::Duration half = absl::Seconds(std::round(std::acos(cosine) / kRadians / 15 * 3600));
    day.sunrise = absl::FromUnixSeconds(absl::ToUnixSeconds(noon - half));
    day.sunset = absl::FromUnixSeconds(absl::ToUnixSeconds(noon + half));
  }
  return day;
}

double SunElevation(double latitude, double longitude, absl::Time time) {
  const double hour_angle = (SolarHour(longitude, time) - 12) * 15 * kRadians;
  const double declination = PositionAt(time).declination * kRadians;
  const double north = latitude * kRadians;
  return std::asin(std::clamp(
             std::sin(north) * std::sin(declination) + std::cos(north) * std::cos(declination) * std::cos(hour_angle),
             -1.0, 1.0)) /
         kRadians;
}

}  // namespace stratus::sandbox
