#include "services/sandbox/openmeteo.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "lib/core/status.h"
#include "services/sandbox/climate.h"
#include "services/sandbox/json.h"
#include "services/sandbox/openmeteo_query.h"
#include "services/sandbox/places.h"
#include "services/sandbox/sun.h"

namespace stratus::sandbox {
namespace {

constexpr absl::Duration kCurrentStep = absl::Minutes(15);
constexpr absl::Duration kDay = absl::Hours(24);
constexpr int kCountMax = 100;

http_server::Response Refuse(int status, std::string_view reason) {
  return JsonReply(status, {{"error", true}, {"reason", std::string(reason)}});
}

// `GMT+5:30`, as the original names offsets.
std::string Abbreviation(int offset_seconds) {
  if (offset_seconds == 0) return "GMT";
  const int minutes = std::abs(offset_seconds) / 60;
  const char* sign = offset_seconds < 0 ? "-" : "+";
  if (minutes % 60 == 0) return absl::StrFormat("GMT%s%d", sign, minutes / 60);
  return absl::StrFormat("GMT%s%d:%02d", sign, minutes / 60, minutes % 60);
}

// The answer to one query at one moment.
class ForecastWriter {
 public:
  ForecastWriter(const ForecastQuery& query, absl::Time now)
      : query_(query),
        now_(now),
        offset_(absl::Seconds(query.time_zone.At(now).offset)),
        first_day_(LocalMidnight(now) - query.past_days * kDay) {}

  Json Write() const {
    // The original answers for the middle of its grid cell.
    Json json = {{"latitude", std::round(query_.latitude * 16) / 16 + 0.0},
                 {"longitude", std::round(query_.longitude * 16) / 16 + 0.0},
                 {"generationtime_ms", 0.1},
                 {"utc_offset_seconds", absl::ToInt64Seconds(offset_)},
                 {"timezone", query_.time_zone_name},
                 {"timezone_abbreviation", Abbreviation(static_cast<int>(absl::ToInt64Seconds(offset_)))},
                 {"elevation", query_.elevation}};
    if (!query_.current.empty()) AddCurrent(&json);
    if (!query_.hourly.empty()) AddHourly(&json);
    if (!query_.daily.empty()) AddDaily(&json);
    return json;
  }

 private:
  absl::Time LocalMidnight(absl::Time time) const {
    return absl::UnixEpoch() + absl::Floor(time - absl::UnixEpoch() + offset_, kDay) - offset_;
  }

  Json TimeJson(absl::Time time, const char* format = "%Y-%m-%dT%H:%M") const {
    if (query_.unix_time) return absl::ToUnixSeconds(time);
    return absl::FormatTime(format, time + offset_, absl::UTCTimeZone());
  }
  const char* TimeUnit() const { return query_.unix_time ? "unixtime" : "iso8601"; }

  Conditions At(absl::Time time) const {
    return ConditionsAt(query_.latitude, query_.longitude, query_.elevation, time);
  }

  // Whole numbers are written as such: 64, not 64.0.
  Json ValueJson(Quantity quantity, int decimals, double value) const {
    const double rounded = Round(query_.units.Convert(quantity, value), decimals);
    return decimals == 0 ? Json(std::llround(rounded)) : Json(rounded);
  }

  void AddCurrent(Json* json) const {
    const absl::Time time = absl::UnixEpoch() + absl::Floor(now_ - absl::UnixEpoch(), kCurrentStep);
    const Conditions conditions = At(time);
    Json units = {{"time", TimeUnit()}, {"interval", "seconds"}};
    Json values = {{"time", TimeJson(time)}, {"interval", absl::ToInt64Seconds(kCurrentStep)}};
    for (const HourlyVariable* variable : query_.current) {
      units[variable->name] = query_.units.NameOf(variable->quantity);
      values[variable->name] = ValueJson(variable->quantity, variable->decimals, variable->value(conditions));
    }
    (*json)["current_units"] = std::move(units);
    (*json)["current"] = std::move(values);
  }

  int Days() const { return query_.past_days + query_.forecast_days; }

  void AddHourly(Json* json) const {
    Json units = {{"time", TimeUnit()}};
    Json columns = {{"time", Json::array()}};
    for (const HourlyVariable* variable : query_.hourly) {
      units[variable->name] = query_.units.NameOf(variable->quantity);
      columns[variable->name] = Json::array();
    }
    for (int hour = 0; hour < 24 * Days(); ++hour) {
      const absl::Time time = first_day_ + absl::Hours(hour);
      const Conditions conditions = At(time);
      columns["time"].push_back(TimeJson(time));
      for (const HourlyVariable* variable : query_.hourly) {
        columns[variable->name].push_back(
            ValueJson(variable->quantity, variable->decimals, variable->value(conditions)));
      }
    }
    (*json)["hourly_units"] = std::move(units);
    (*json)["hourly"] = std::move(columns);
  }

  void AddDaily(Json* json) const {
    Json units = {{"time", TimeUnit()}};
    Json columns = {{"time", Json::array()}};
    for (const std::string& name : query_.daily) {
      const DailyVariable* variable = FindDailyVariable(name);
      units[name] = variable != nullptr           ? query_.units.NameOf(variable->quantity)
                    : name == "daylight_duration" ? query_.units.NameOf(Quantity::kSeconds)
                                                  : TimeUnit();
      columns[name] = Json::array();
    }
    for (int day = 0; day < Days(); ++day) AddDay(first_day_ + day * kDay, &columns);
    (*json)["daily_units"] = std::move(units);
    (*json)["daily"] = std::move(columns);
  }

  void AddDay(absl::Time midnight, Json* columns) const {
    std::vector<Conditions> hours;
    for (int hour = 0; hour < 24; ++hour) hours.push_back(At(midnight + absl::Hours(hour)));
    const auto [sunrise, sunset] = SunTimes(midnight);
    (*columns)["time"].push_back(TimeJson(midnight, "%Y-%m-%d"));
    for (const std::string& name : query_.daily) {
      Json& column = (*columns)[name];
      if (name == "sunrise") {
        column.push_back(TimeJson(sunrise));
      } else if (name == "sunset") {
        column.push_back(TimeJson(sunset));
      } else if (const DailyVariable* variable = FindDailyVariable(name)) {
        column.push_back(ValueJson(variable->quantity, variable->decimals, variable->value(hours)));
      } else {
        column.push_back(Round(absl::ToDoubleSeconds(sunset - sunrise), 2));
      }
    }
  }

  std::pair<absl::Time, absl::Time> SunTimes(absl::Time midnight) const {
    const SunDay day = SunDayAround(query_.latitude, query_.longitude, midnight + kDay / 2);
    if (day.kind == SunDay::Kind::kNeverRises) return {midnight, midnight};
    if (day.kind == SunDay::Kind::kNeverSets) return {midnight, midnight + kDay};
    return {day.sunrise, day.sunset};
  }

  const ForecastQuery& query_;
  const absl::Time now_;
  const absl::Duration offset_;
  const absl::Time first_day_;
};

Json PlaceJson(const Place& place, const std::string& language) {
  const bool local = *place.local_name != '\0' && language == place.local_language;
  Json json = {{"id", place.id},
               {"name", local ? place.local_name : place.name},
               {"latitude", place.latitude},
               {"longitude", place.longitude},
               {"elevation", place.elevation},
               {"feature_code", place.feature_code},
               {"country_code", place.country_code},
               {"timezone", place.time_zone},
               {"population", place.population},
               {"country", place.country}};
  if (*place.admin1 != '\0') json["admin1"] = place.admin1;
  return json;
}

}  // namespace

std::string OpenMeteo::ErrorBody(int status) {
  if (status == 429) return Refuse(429, "Minutely API request limit exceeded. Please try again in one minute.").body;
  return Refuse(status, "Internal Server Error").body;
}

void OpenMeteo::AddRoutes(Router* router) const {
  router->Add("GET", "/v1/forecast", "openmeteo", [this](const auto& request) { return Forecast(request); });
  router->Add("GET", "/v1/search", "geocoding", [this](const auto& request) { return Search(request); });
}

http_server::Response OpenMeteo::Forecast(const http_server::Request& request) const {
  const absl::StatusOr<ForecastQuery> query = ParseForecastQuery(request);
  if (!query.ok()) return Refuse(400, core::ToStd(query.status().message()));
  return JsonReply(200, ForecastWriter(*query, clock_->Now()).Write());
}

http_server::Response OpenMeteo::Search(const http_server::Request& request) const {
  const std::string name = request.Parameter("name");
  const std::string count_text = request.Parameter("count");
  int count = 10;
  if (!count_text.empty() && (!absl::SimpleAtoi(count_text, &count) || count < 1 || count > kCountMax)) {
    return Refuse(400, "Parameter count must be between 1 and 100.");
  }
  const std::string format = request.Parameter("format");
  if (!format.empty() && format != "json") return Refuse(400, "The sandbox has no format but json");
  // One character finds nothing, two are matched whole, three and more by their start.
  std::vector<const Place*> found;
  if (name.size() >= 2) found = FindPlaces(name, name.size() >= 3);
  const std::string country = request.Parameter("countryCode");
  Json results = Json::array();
  for (const Place* place : found) {
    if (!country.empty() && !absl::EqualsIgnoreCase(country, place->country_code)) continue;
    if (static_cast<int>(results.size()) < count) results.push_back(PlaceJson(*place, request.Parameter("language")));
  }
  Json json = Json::object();
  if (!results.empty()) json["results"] = std::move(results);
  json["generationtime_ms"] = 0.1;
  return JsonReply(200, json);
}

}  // namespace stratus::sandbox
