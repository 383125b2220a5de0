#include "services/weather/domain/sun.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace stratus::weather {
namespace {

constexpr double kRadians = std::numbers::pi / 180;
constexpr double kHorizonDegrees = -0.833;  // 34' of refraction, 16' of the sun's radius
constexpr double kSecondsPerDay = 86400;
constexpr double kUnixEpochJulianDay = 2440587.5;
constexpr double kJ2000JulianDay = 2451545.0;

double Sin(double degrees) { return std::sin(degrees * kRadians); }
double Cos(double degrees) { return std::cos(degrees * kRadians); }

// What changes slowly: the names are those of NOAA's sheet.
struct SunPosition {
  double declination_degrees;
  double equation_of_time_minutes;
};

SunPosition PositionAt(double unix_seconds) {
  const double century = (unix_seconds / kSecondsPerDay + kUnixEpochJulianDay - kJ2000JulianDay) / 36525;
  const double mean_longitude = std::fmod(280.46646 + century * (36000.76983 + century * 0.0003032), 360);
  const double mean_anomaly = 357.52911 + century * (35999.05029 - 0.0001537 * century);
  const double eccentricity = 0.016708634 - century * (0.000042037 + 0.0000001267 * century);
  const double equation_of_center = Sin(mean_anomaly) * (1.914602 - century * (0.004817 + 0.000014 * century)) +
                                    Sin(2 * mean_anomaly) * (0.019993 - 0.000101 * century) +
                                    Sin(3 * mean_anomaly) * 0.000289;
  const double node = 125.04 - 1934.136 * century;
  const double apparent_longitude = mean_longitude + equation_of_center - 0.00569 - 0.00478 * Sin(node);
  const double mean_obliquity =
      23 + (26 + (21.448 - century * (46.815 + century * (0.00059 - century * 0.001813))) / 60) / 60;
  const double obliquity = mean_obliquity + 0.00256 * Cos(node);

  const double half = std::tan(obliquity / 2 * kRadians);
  const double y = half * half;
  const double equation_of_time =
      4 / kRadians *
      (y * Sin(2 * mean_longitude) - 2 * eccentricity * Sin(mean_anomaly) +
       4 * eccentricity * y * Sin(mean_anomaly) * Cos(2 * mean_longitude) - 0.5 * y * y * Sin(4 * mean_longitude) -
       1.25 * eccentricity * eccentricity * Sin(2 * mean_anomaly));
  return {std::asin(Sin(obliquity) * Sin(apparent_longitude)) / kRadians, equation_of_time};
}

// Degrees west of the meridian, 0 to 360: 0 at solar noon, 180 at solar midnight.
double HourAngle(const SunPosition& position, double longitude, double unix_seconds) {
  const double utc_minutes = unix_seconds / 60;
  const double solar_minutes = utc_minutes + position.equation_of_time_minutes + 4 * longitude;
  const double angle = std::fmod(solar_minutes / 4 - 180, 360);
  return angle < 0 ? angle + 360 : angle;
}

double Elevation(const Coordinates& where, double unix_seconds) {
  const SunPosition position = PositionAt(unix_seconds);
  const double sine =
      Sin(where.latitude) * Sin(position.declination_degrees) +
      Cos(where.latitude) * Cos(position.declination_degrees) * Cos(HourAngle(position, where.longitude, unix_seconds));
  return std::asin(std::clamp(sine, -1.0, 1.0)) / kRadians;
}

bool Up(const Coordinates& where, double unix_seconds) { return Elevation(where, unix_seconds) > kHorizonDegrees; }

// The next solar noon or midnight strictly after `from`. Between two of them the sun only climbs or only sinks.
double NextTurn(const Coordinates& where, double from) {
  const double angle = HourAngle(PositionAt(from), where.longitude, from);
  const double target = angle < 180 ? 180 : 360;
  double turn = from + (target - angle) * 240;  // the hour angle grows by one degree in 240 s
  // The equation of time drifts by at most 30 s a day, so one correction is enough.
  double error = HourAngle(PositionAt(turn), where.longitude, turn) - target;
  if (error < -180) error += 360;
  turn -= error * 240;
  return turn > from + 1 ? turn : turn + kSecondsPerDay / 2;
}

// The moment, to the second, when the sun crosses the horizon between `low` and `high`.
double Crossing(const Coordinates& where, double low, double high) {
  const bool up_at_low = Up(where, low);
  while (high - low > 0.5) {
    const double middle = (low + high) / 2;
    (Up(where, middle) == up_at_low ? low : high) = middle;
  }
  return std::round(high);
}

}  // namespace

double SolarElevationDegrees(const Coordinates& where, absl::Time time) {
  return Elevation(where, absl::ToDoubleSeconds(time - absl::UnixEpoch()));
}

bool IsSunUp(const Coordinates& where, absl::Time time) {
  return Up(where, absl::ToDoubleSeconds(time - absl::UnixEpoch()));
}

std::optional<absl::Time> SunDay::Sunrise() const {
  for (const SunEvent& event : events) {
    if (event.rises) return event.time;
  }
  return std::nullopt;
}

std::optional<absl::Time> SunDay::Sunset() const {
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    if (!event->rises) return event->time;
  }
  return std::nullopt;
}

bool SunDay::IsUp(absl::Time time) const {
  bool up = up_at_start;
  for (const SunEvent& event : events) {
    if (event.time <= time) up = event.rises;
  }
  return up;
}

SunDay ComputeSunDay(const Coordinates& where, absl::Time start, absl::Time end) {
  const double first = absl::ToDoubleSeconds(start - absl::UnixEpoch());
  const double last = absl::ToDoubleSeconds(end - absl::UnixEpoch());
  SunDay day;
  day.up_at_start = Up(where, first);
  bool up = day.up_at_start;
  for (double from = first; from < last;) {
    const double to = std::min(NextTurn(where, from), last);
    const bool up_after = Up(where, to);
    if (up_after != up) {
      const absl::Time time = absl::FromUnixSeconds(static_cast<int64_t>(Crossing(where, from, to)));
      // A crossing that rounds to the span's end belongs to the next one.
      if (time < end) day.events.push_back({std::max(time, start), up_after});
    }
    up = up_after;
    from = to;
  }
  return day;
}

}  // namespace stratus::weather
