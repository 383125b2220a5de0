// What /v1/forecast is asked for.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/http_server/http_server.h"
#include "services/sandbox/openmeteo_variables.h"

namespace stratus::sandbox {

struct ForecastQuery {
  double latitude = 0;
  double longitude = 0;
  double elevation = 0;
  std::vector<const HourlyVariable*> current = {};
  std::vector<const HourlyVariable*> hourly = {};
  // By name, in the order asked for: sunrise, sunset and daylight_duration are none of FindDailyVariable's.
  std::vector<std::string> daily = {};
  std::string time_zone_name = "GMT";
  absl::TimeZone time_zone = absl::UTCTimeZone();
  bool unix_time = false;
  int past_days = 0;
  int forecast_days = 7;
  MeteoUnits units = {};
};

// INVALID_ARGUMENT has Open-Meteo's own `reason` as its message.
absl::StatusOr<ForecastQuery> ParseForecastQuery(const http_server::Request& request);

}  // namespace stratus::sandbox
