#include "services/weather/domain/units.h"

#include <cmath>

namespace stratus::weather {
namespace {

// Exact by definition, but for the inch of mercury (NIST SP 811, conventional inHg: 3386.389 Pa).
constexpr double kMetersPerMile = 1609.344;
constexpr double kMetersPerNauticalMile = 1852;
constexpr double kMillimetersPerInch = 25.4;
constexpr double kHectopascalPerInchOfMercury = 33.86389;
constexpr double kZeroCelsiusInKelvin = 273.15;

double Round3(double value) { return std::round(value * 1000) / 1000; }

}  // namespace

double Round2(double value) { return std::round(value * 100) / 100; }

std::optional<Units> UnitSystem(std::string_view name) {
  Units units;
  if (name.empty() || name == "metric") return units;
  if (name == "standard") {
    units.temperature = v1::TEMPERATURE_UNIT_KELVIN;
    return units;
  }
  if (name == "imperial") {
    return Units{.temperature = v1::TEMPERATURE_UNIT_FAHRENHEIT,
                 .wind_speed = v1::SPEED_UNIT_MILES_PER_HOUR,
                 .pressure = v1::PRESSURE_UNIT_INCHES_OF_MERCURY,
                 .precipitation = v1::LENGTH_UNIT_INCH,
                 .visibility = v1::DISTANCE_UNIT_MILE};
  }
  return std::nullopt;
}

double ToTemperature(double celsius, v1::TemperatureUnit unit) {
  switch (unit) {
    case v1::TEMPERATURE_UNIT_FAHRENHEIT: return Round2(celsius * 9 / 5 + 32);
    case v1::TEMPERATURE_UNIT_KELVIN: return Round2(celsius + kZeroCelsiusInKelvin);
    default: return Round2(celsius);
  }
}

double ToSpeed(double meters_per_second, v1::SpeedUnit unit) {
  switch (unit) {
    case v1::SPEED_UNIT_KILOMETERS_PER_HOUR: return Round2(meters_per_second * 3.6);
    case v1::SPEED_UNIT_MILES_PER_HOUR: return Round2(meters_per_second * 3600 / kMetersPerMile);
    case v1::SPEED_UNIT_KNOTS: return Round2(meters_per_second * 3600 / kMetersPerNauticalMile);
    default: return Round2(meters_per_second);
  }
}

double ToPressure(double hectopascal, v1::PressureUnit unit) {
  return Round2(unit == v1::PRESSURE_UNIT_INCHES_OF_MERCURY ? hectopascal / kHectopascalPerInchOfMercury : hectopascal);
}

double ToPrecipitation(double millimeters, v1::LengthUnit unit) {
  return unit == v1::LENGTH_UNIT_INCH ? Round3(millimeters / kMillimetersPerInch) : Round2(millimeters);
}

double ToVisibility(double meters, v1::DistanceUnit unit) {
  return Round2(meters / (unit == v1::DISTANCE_UNIT_MILE ? kMetersPerMile : 1000));
}

}  // namespace stratus::weather
