// api.openweathermap.org as far as the free plan goes: current weather and the forecast of five days in three-hour
// steps (2.5), direct and reverse geocoding (1.0). Shapes and errors as of openweathermap.org/current, /forecast5 and
// /api/geocoding-api; the values are made up (climate.h).
//
// Not here: zip codes, XML, box and group queries.
#pragma once

#include <string>

#include "lib/core/clock.h"
#include "lib/http_server/http_server.h"
#include "services/sandbox/router.h"

namespace stratus::sandbox {

class OpenWeather {
 public:
  // Refuses every key but `api_key`. `clock` outlives it.
  OpenWeather(std::string api_key, const core::Clock* clock) : api_key_(std::move(api_key)), clock_(clock) {}

  // Adds its paths. Faults strike the targets `openweather` and `geocoding`.
  void AddRoutes(Router* router) const;

  // The body that it sends with an error status.
  static std::string ErrorBody(int status);

 private:
  using Answer = http_server::Response (OpenWeather::*)(const http_server::Request&) const;

  http_server::Response Weather(const http_server::Request& request) const;
  http_server::Response Forecast(const http_server::Request& request) const;
  http_server::Response Direct(const http_server::Request& request) const;
  http_server::Response Reverse(const http_server::Request& request) const;

  const std::string api_key_;
  const core::Clock* const clock_;
};

}  // namespace stratus::sandbox
