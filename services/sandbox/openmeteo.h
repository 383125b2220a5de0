// api.open-meteo.com/v1/forecast and geocoding-api.open-meteo.com/v1/search. Shapes, units and errors as of
// open-meteo.com/en/docs and /en/docs/geocoding-api; the values are made up (climate.h).
//
// As in the original, one UTC offset, that of now, holds for the whole answer, so that days around a clock change begin
// an hour off; and a day on which the sun does not rise has sunrise and sunset both at 00:00, one on which it does not
// set has them 24 hours apart.
//
// Not here: several places in one request, start_date and end_date, models, minutely data.
#pragma once

#include <string>

#include "lib/core/clock.h"
#include "lib/http_server/http_server.h"
#include "services/sandbox/router.h"

namespace stratus::sandbox {

class OpenMeteo {
 public:
  // `clock` outlives it.
  explicit OpenMeteo(const core::Clock* clock) : clock_(clock) {}

  // Adds its paths. Faults strike the targets `openmeteo` and `geocoding`.
  void AddRoutes(Router* router) const;

  // The body that it sends with an error status.
  static std::string ErrorBody(int status);

 private:
  http_server::Response Forecast(const http_server::Request& request) const;
  http_server::Response Search(const http_server::Request& request) const;

  const core::Clock* const clock_;
};

}  // namespace stratus::sandbox
