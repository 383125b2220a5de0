#include "services/sandbox/climate.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "services/sandbox/sun.h"

namespace stratus::sandbox {
namespace {

constexpr double kYearSeconds = 365.2425 * 86400;
constexpr double kFrontSeconds = 18 * 3600;

// A value in [-1, 1] for a whole number (the finalizer of SplitMix64).
double Hash(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  x ^= x >> 31;
  return static_cast<double>(x >> 11) / 4503599627370496.0 - 1;  // 53 bits to [-1, 1)
}

// Smooth noise in [-1, 1] over time; each `channel` is independent. Places in the same tenth of a degree share it.
double Noise(double latitude, double longitude, uint64_t channel, double position) {
  const auto row = static_cast<uint64_t>(std::llround((latitude + 90) * 10));
  const auto column = static_cast<uint64_t>(std::llround((longitude + 180) * 10));
  const double whole = std::floor(position);
  const double part = position - whole;
  const double weight = part * part * (3 - 2 * part);
  const uint64_t seed = ((row * 3601 + column) * 16 + channel) * 0x100000001u;
  const auto step = static_cast<uint64_t>(static_cast<int64_t>(whole));
  return Hash(seed + step) * (1 - weight) + Hash(seed + step + 1) * weight;
}

double MeanTemperature(double latitude, double elevation, double unix_seconds) {
  const double annual = 27 - 0.0062 * latitude * latitude;
  // Warmest in mid-July in the north, in mid-January in the south; hardly any seasons at the equator.
  const double season = std::cos(2 * M_PI * (unix_seconds / kYearSeconds - 0.54));
  return annual + 0.16 * latitude * season - 0.0065 * elevation;
}

// Magnus formula, degrees Celsius.
double DewPoint(double temperature, double humidity) {
  const double x = std::log(humidity / 100) + 17.62 * temperature / (243.12 + temperature);
  return 243.12 * x / (17.62 - x);
}

// Apparent temperature of the Australian Bureau of Meteorology.
double FeelsLike(double temperature, double humidity, double wind) {
  const double vapour = humidity / 100 * 6.105 * std::exp(17.27 * temperature / (237.7 + temperature));
  return temperature + 0.33 * vapour - 0.7 * wind - 4;
}

int WeatherCode(const Conditions& c) {
  if (c.snow > 0) return c.snow > 1.5 ? 75 : c.snow > 0.5 ? 73 : 71;
  if (c.rain > 1.5 && c.temperature > 22) return 95;
  if (c.rain > 0) return c.rain > 2 ? 65 : c.rain > 0.8 ? 63 : c.rain > 0.2 ? 61 : 51;
  return c.cloud_cover < 12 ? 0 : c.cloud_cover < 35 ? 1 : c.cloud_cover < 70 ? 2 : 3;
}

}  // namespace

Conditions ConditionsAt(double latitude, double longitude, double elevation, absl::Time time) {
  const double seconds = absl::ToDoubleSeconds(time - absl::UnixEpoch());
  const auto noise = [&](uint64_t channel) { return Noise(latitude, longitude, channel, seconds / kFrontSeconds); };
  const double sun = SunElevation(latitude, longitude, time);
  Conditions c;
  c.is_day = sun > -0.833;
  c.cloud_cover = std::clamp(50 + 62 * noise(0), 0.0, 100.0);
  // Warmest at three in the afternoon; less of a swing near the poles, where the sun hardly moves, and under clouds.
  const double swing = 5 * std::cos(latitude * M_PI / 180) * (1 - c.cloud_cover / 200);
  const double course = std::cos((SolarHour(longitude, time) - 15) / 24 * 2 * M_PI);
  c.temperature = MeanTemperature(latitude, elevation, seconds) + swing * course + 4 * noise(1);
  c.humidity = std::clamp(62 - 14 * course + 0.15 * c.cloud_cover + 12 * noise(2), 15.0, 100.0);
  c.dew_point = DewPoint(c.temperature, c.humidity);
  c.wind_speed = 1 + 9 * std::pow((noise(3) + 1) / 2, 2);
  c.wind_gust = c.wind_speed * (1.4 + 0.3 * noise(4));
  c.wind_direction = std::fmod(180 + 180 * noise(5) + 360, 360);
  c.feels_like = FeelsLike(c.temperature, c.humidity, c.wind_speed);
  c.pressure_msl = 1014 - 0.14 * (c.cloud_cover - 50) + 5 * noise(6);
  c.surface_pressure = c.pressure_msl * std::exp(-elevation / 8434);
  const double precipitation = c.cloud_cover < 78 ? 0 : std::round((c.cloud_cover - 78) * 1.5) / 10;
  (c.temperature < 1 ? c.snow : c.rain) = precipitation;
  c.precipitation_probability = std::clamp(1.6 * (c.cloud_cover - 40), 0.0, 100.0);
  c.visibility = std::clamp(24000 - 5000 * precipitation - 150 * std::max(0.0, c.humidity - 60), 800.0, 24000.0);
  c.uv_index = sun <= 0 ? 0 : 12 * std::pow(std::sin(sun * M_PI / 180), 1.3) * (1 - 0.006 * c.cloud_cover);
  c.weather_code = WeatherCode(c);
  return c;
}

}  // namespace stratus::sandbox
