#include "services/sandbox/openmeteo_variables.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace stratus::sandbox {
namespace {

// Open-Meteo's rule of thumb: 7 cm of snow for 10 mm of water.
constexpr double kSnowCmPerMm = 0.7;

using Hours = std::vector<Conditions>;

template <typename Value>
double Most(const Hours& hours, Value value) {
  double most = value(hours.front());
  for (const Conditions& hour : hours) most = std::max<double>(most, value(hour));
  return most;
}

template <typename Value>
double Least(const Hours& hours, Value value) {
  return -Most(hours, [&](const Conditions& hour) { return -value(hour); });
}

template <typename Value>
double Sum(const Hours& hours, Value value) {
  double sum = 0;
  for (const Conditions& hour : hours) sum += value(hour);
  return sum;
}

// The mean of the directions weighted by speed, not of the angles: 350 and 10 degrees make 0, not 180.
double DominantWind(const Hours& hours) {
  constexpr double kRadians = M_PI / 180;
  const double north = Sum(hours, [](const auto& c) { return c.wind_speed * std::cos(c.wind_direction * kRadians); });
  const double east = Sum(hours, [](const auto& c) { return c.wind_speed * std::sin(c.wind_direction * kRadians); });
  return std::fmod(std::atan2(east, north) / kRadians + 360, 360);
}

constexpr HourlyVariable kHourly[] = {
    {"temperature_2m", Quantity::kTemperature, 1, [](const Conditions& c) { return c.temperature; }},
    {"relative_humidity_2m", Quantity::kPercent, 0, [](const Conditions& c) { return c.humidity; }},
    {"dew_point_2m", Quantity::kTemperature, 1, [](const Conditions& c) { return c.dew_point; }},
    {"apparent_temperature", Quantity::kTemperature, 1, [](const Conditions& c) { return c.feels_like; }},
    {"is_day", Quantity::kPlain, 0, [](const Conditions& c) { return c.is_day ? 1.0 : 0.0; }},
    {"precipitation", Quantity::kPrecipitation, 2, [](const Conditions& c) { return c.precipitation(); }},
    {"precipitation_probability", Quantity::kPercent, 0,
     [](const Conditions& c) { return c.precipitation_probability; }},
    {"rain", Quantity::kPrecipitation, 2, [](const Conditions& c) { return c.rain; }},
    {"showers", Quantity::kPrecipitation, 2, [](const Conditions&) { return 0.0; }},
    {"snowfall", Quantity::kSnowfall, 2, [](const Conditions& c) { return c.snow * kSnowCmPerMm; }},
    {"weather_code", Quantity::kWeatherCode, 0, [](const Conditions& c) { return 1.0 * c.weather_code; }},
    {"cloud_cover", Quantity::kPercent, 0, [](const Conditions& c) { return c.cloud_cover; }},
    {"pressure_msl", Quantity::kPressure, 1, [](const Conditions& c) { return c.pressure_msl; }},
    {"surface_pressure", Quantity::kPressure, 1, [](const Conditions& c) { return c.surface_pressure; }},
    {"wind_speed_10m", Quantity::kSpeed, 1, [](const Conditions& c) { return c.wind_speed; }},
    {"wind_direction_10m", Quantity::kDegrees, 0, [](const Conditions& c) { return c.wind_direction; }},
    {"wind_gusts_10m", Quantity::kSpeed, 1, [](const Conditions& c) { return c.wind_gust; }},
    {"visibility", Quantity::kLength, 0, [](const Conditions& c) { return c.visibility; }},
    {"uv_index", Quantity::kPlain, 2, [](const Conditions& c) { return c.uv_index; }},
};

constexpr DailyVariable kDaily[] = {
    {"weather_code", Quantity::kWeatherCode, 0,
     [](const Hours& h) { return Most(h, [](const auto& c) { return c.weather_code; }); }},
    {"temperature_2m_max", Quantity::kTemperature, 1,
     [](const Hours& h) { return Most(h, [](const auto& c) { return c.temperature; }); }},
    {"temperature_2m_min", Quantity::kTemperature, 1,
     [](const Hours& h) { return Least(h, [](const auto& c) { return c.temperature; }); }},
    {"apparent_temperature_max", Quantity::kTemperature, 1,
     [](const Hours& h) { return Most(h, [](const auto& c) { return c.feels_like; }); }},
    {"apparent_temperature_min", Quantity::kTemperature, 1,
     [](const Hours& h) { return Least(h, [](const auto& c) { return c.feels_like; }); }},
    {"uv_index_max", Quantity::kPlain, 2,
     [](const Hours& h) { return Most(h, [](const auto& c) { return c.uv_index; }); }},
    {"precipitation_sum", Quantity::kPrecipitation, 2,
     [](const Hours& h) { return Sum(h, [](const auto& c) { return c.precipitation(); }); }},
    {"rain_sum", Quantity::kPrecipitation, 2,
     [](const Hours& h) { return Sum(h, [](const auto& c) { return c.rain; }); }},
    {"snowfall_sum", Quantity::kSnowfall, 2,
     [](const Hours& h) { return Sum(h, [](const auto& c) { return c.snow * kSnowCmPerMm; }); }},
    {"precipitation_hours", Quantity::kHours, 0,
     [](const Hours& h) { return Sum(h, [](const auto& c) { return c.precipitation() > 0 ? 1.0 : 0.0; }); }},
    {"precipitation_probability_max", Quantity::kPercent, 0,
     [](const Hours& h) { return Most(h, [](const auto& c) { return c.precipitation_probability; }); }},
    {"wind_speed_10m_max", Quantity::kSpeed, 1,
     [](const Hours& h) { return Most(h, [](const auto& c) { return c.wind_speed; }); }},
    {"wind_gusts_10m_max", Quantity::kSpeed, 1,
     [](const Hours& h) { return Most(h, [](const auto& c) { return c.wind_gust; }); }},
    {"wind_direction_10m_dominant", Quantity::kDegrees, 0, DominantWind},
};

template <typename Variable, size_t kCount>
const Variable* Find(const Variable (&variables)[kCount], std::string_view name) {
  const auto* found =
      std::find_if(std::begin(variables), std::end(variables), [&](const Variable& v) { return v.name == name; });
  return found == std::end(variables) ? nullptr : found;
}

}  // namespace

std::string MeteoUnits::NameOf(Quantity quantity) const {
  const bool inches = precipitation == "inch";
  switch (quantity) {
    case Quantity::kTemperature: return temperature == "fahrenheit" ? "°F" : "°C";
    case Quantity::kSpeed:
      return wind_speed == "ms" ? "m/s" : wind_speed == "mph" ? "mp/h" : wind_speed == "kn" ? "kn" : "km/h";
    case Quantity::kPrecipitation: return inches ? "inch" : "mm";
    case Quantity::kSnowfall: return inches ? "inch" : "cm";
    case Quantity::kLength: return inches ? "ft" : "m";
    case Quantity::kPressure: return "hPa";
    case Quantity::kPercent: return "%";
    case Quantity::kDegrees: return "°";
    case Quantity::kSeconds: return "s";
    case Quantity::kHours: return "h";
    case Quantity::kWeatherCode: return "wmo code";
    case Quantity::kPlain: return "";
  }
  return "";
}

double MeteoUnits::Convert(Quantity quantity, double value) const {
  const bool inches = precipitation == "inch";
  switch (quantity) {
    case Quantity::kTemperature: return temperature == "fahrenheit" ? value * 1.8 + 32 : value;
    case Quantity::kSpeed:
      return value * (wind_speed == "ms" ? 1 : wind_speed == "mph" ? 2.236936 : wind_speed == "kn" ? 1.943844 : 3.6);
    case Quantity::kPrecipitation: return inches ? value / 25.4 : value;
    case Quantity::kSnowfall: return inches ? value / 2.54 : value;
    case Quantity::kLength: return inches ? value / 0.3048 : value;
    default: return value;
  }
}

const HourlyVariable* FindHourlyVariable(std::string_view name) { return Find(kHourly, name); }
const DailyVariable* FindDailyVariable(std::string_view name) { return Find(kDaily, name); }

}  // namespace stratus::sandbox
