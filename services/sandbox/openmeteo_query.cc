#include "services/sandbox/openmeteo_query.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"
#include "services/sandbox/places.h"

namespace stratus::sandbox {
namespace {

constexpr int kPastDaysMax = 92;
constexpr int kForecastDaysMax = 16;

absl::Status Reason(absl::string_view text) { return absl::InvalidArgumentError(text); }

absl::Status CannotRead(absl::string_view type, absl::string_view value) {
  return Reason(
      absl::StrCat("Data corrupted at path ''. Cannot initialize ", type, " from invalid String value ", value, "."));
}

absl::Status ReadDegrees(const http_server::Request& request, const char* name, const char* label, double limit,
                         double* degrees) {
  const std::string text = request.Parameter(name);
  if (text.empty()) return Reason("Parameter 'latitude' and 'longitude' must have the same number of elements");
  if (!absl::SimpleAtod(text, degrees) || std::isnan(*degrees)) return CannotRead("Float", text);
  if (std::abs(*degrees) <= limit) return absl::OkStatus();
  return Reason(absl::StrCat(label, " must be in range of -", limit, " to ", limit, "°. Given: ", *degrees,
                             *degrees == std::floor(*degrees) ? ".0." : "."));
}

absl::Status ReadDays(const http_server::Request& request, const char* name, const char* label, int most, int* days) {
  const std::string text = request.Parameter(name);
  if (text.empty()) return absl::OkStatus();
  if (!absl::SimpleAtoi(text, days)) return CannotRead("Int", text);
  if (*days >= 0 && *days <= most) return absl::OkStatus();
  return Reason(absl::StrCat(label, " is invalid. Allowed range 0 to ", most, ". Given ", *days, "."));
}

absl::Status ReadChoice(const http_server::Request& request, const char* name, const char* type,
                        std::initializer_list<absl::string_view> choices, std::string* choice) {
  const std::string text = request.Parameter(name);
  if (text.empty()) return absl::OkStatus();
  if (std::find(choices.begin(), choices.end(), text) == choices.end()) return CannotRead(type, text);
  *choice = text;
  return absl::OkStatus();
}

std::vector<std::string> Names(const http_server::Request& request, const char* parameter) {
  return absl::StrSplit(request.Parameter(parameter), ',', absl::SkipEmpty());
}

absl::Status ReadHourly(const http_server::Request& request, const char* parameter, const char* type,
                        std::vector<const HourlyVariable*>* variables) {
  for (const std::string& name : Names(request, parameter)) {
    const HourlyVariable* variable = FindHourlyVariable(name);
    if (variable == nullptr) return CannotRead(type, name);
    if (std::find(variables->begin(), variables->end(), variable) == variables->end()) variables->push_back(variable);
  }
  return absl::OkStatus();
}

absl::Status ReadDaily(const http_server::Request& request, std::vector<std::string>* variables) {
  for (const std::string& name : Names(request, "daily")) {
    const bool of_the_sun = name == "sunrise" || name == "sunset" || name == "daylight_duration";
    if (!of_the_sun && FindDailyVariable(name) == nullptr) return CannotRead("ForecastVariableDaily", name);
    if (std::find(variables->begin(), variables->end(), name) == variables->end()) variables->push_back(name);
  }
  return absl::OkStatus();
}

// A name and not a path: the zone is looked up in a folder of files.
bool IsZoneName(absl::string_view name) {
  const bool clean = std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '/' || c == '_' || c == '-' || c == '+';
  });
  return clean && !name.empty() && name.front() != '/' && name != "localtime";
}

absl::Status ReadTimeZone(const http_server::Request& request, ForecastQuery* query) {
  const std::string name = request.Parameter("timezone");
  if (name.empty()) return absl::OkStatus();
  query->time_zone_name = name == "auto" ? TimeZoneAt(query->latitude, query->longitude) : name;
  if (!IsZoneName(query->time_zone_name) || !absl::LoadTimeZone(query->time_zone_name, &query->time_zone)) {
    return Reason("Invalid timezone");
  }
  return absl::OkStatus();
}

absl::Status ReadUnits(const http_server::Request& request, ForecastQuery* query) {
  std::string time_format = "iso8601";
  absl::Status status = ReadChoice(request, "timeformat", "Timeformat", {"iso8601", "unixtime"}, &time_format);
  query->unix_time = time_format == "unixtime";
  status.Update(
      ReadChoice(request, "temperature_unit", "TemperatureUnit", {"celsius", "fahrenheit"}, &query->units.temperature));
  status.Update(
      ReadChoice(request, "wind_speed_unit", "WindspeedUnit", {"kmh", "ms", "mph", "kn"}, &query->units.wind_speed));
  status.Update(
      ReadChoice(request, "precipitation_unit", "PrecipitationUnit", {"mm", "inch"}, &query->units.precipitation));
  return status;
}

}  // namespace

absl::StatusOr<ForecastQuery> ParseForecastQuery(const http_server::Request& request) {
  ForecastQuery query;
  // The first complaint counts, as there.
  absl::Status status = ReadDegrees(request, "latitude", "Latitude", 90, &query.latitude);
  if (status.ok()) status = ReadDegrees(request, "longitude", "Longitude", 180, &query.longitude);
  status.Update(ReadHourly(request, "current", "ForecastVariableCurrent", &query.current));
  status.Update(ReadHourly(request, "hourly", "ForecastVariableHourly", &query.hourly));
  status.Update(ReadDaily(request, &query.daily));
  status.Update(ReadDays(request, "forecast_days", "Forecast days", kForecastDaysMax, &query.forecast_days));
  status.Update(ReadDays(request, "past_days", "Past days", kPastDaysMax, &query.past_days));
  status.Update(ReadUnits(request, &query));
  if (status.ok()) status = ReadTimeZone(request, &query);
  for (const char* name :
       {"start_date", "end_date", "start_hour", "end_hour", "forecast_hours", "past_hours", "minutely_15", "models"}) {
    if (!request.Parameter(name).empty()) status.Update(Reason(absl::StrCat("The sandbox has no '", name, "'")));
  }
  if (!status.ok()) return status;
  query.elevation = ElevationAt(query.latitude, query.longitude);
  return query;
}

}  // namespace stratus::sandbox
