// Dew point where a source gives none.
#pragma once

#include <cmath>
#include <optional>

namespace stratus::weather {

// By the Magnus formula with the constants of Alduchov and Eskridge (1996, "Improved Magnus Form Approximation of
// Saturation Vapor Pressure"), within 0.4 % of vapour pressure from -40 to 50 degrees Celsius. Nothing when a value is
// missing, the air is bone dry or the temperature lies outside that range.
inline std::optional<double> DewPointCelsius(std::optional<double> temperature_c,
                                             std::optional<double> humidity_percent) {
  constexpr double kA = 17.625;
  constexpr double kB = 243.04;  // degrees Celsius
  if (!temperature_c || !humidity_percent || *humidity_percent <= 0 || *humidity_percent > 100) return std::nullopt;
  if (*temperature_c < -40 || *temperature_c > 50) return std::nullopt;
  const double gamma = std::log(*humidity_percent / 100) + kA * *temperature_c / (kB + *temperature_c);
  return kB * gamma / (kA - gamma);
}

}  // namespace stratus::weather
