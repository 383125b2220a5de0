#include "services/sandbox/openweather.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"
#include "services/sandbox/climate.h"
#include "services/sandbox/json.h"
#include "services/sandbox/openweather_condition.h"
#include "services/sandbox/places.h"
#include "services/sandbox/sun.h"

namespace stratus::sandbox {
namespace {

constexpr double kNameRadiusKm = 50;
constexpr int kForecastRows = 40;
constexpr absl::Duration kForecastStep = absl::Hours(3);
constexpr absl::Duration kObservationStep = absl::Minutes(10);

// `cod` is a string in some errors and a number in others: that is how the service is.
http_server::Response Refuse(int status, std::string_view message) {
  const bool text = status == 400 || status == 404;
  const Json cod = text ? Json(std::to_string(status)) : Json(status);
  return JsonReply(status, {{"cod", cod}, {"message", std::string(message)}});
}

// Where a request asks about, or the refusal.
struct Location {
  double latitude = 0;
  double longitude = 0;
  const Place* place = nullptr;  // nullptr far from any that is known
  std::optional<http_server::Response> refusal = std::nullopt;

  double elevation() const { return place == nullptr ? 0 : place->elevation; }
  absl::TimeZone zone() const {
    absl::TimeZone zone;
    absl::LoadTimeZone(TimeZoneAt(latitude, longitude), &zone);
    return zone;
  }
};

Location Refused(int status, std::string_view message) { return {.refusal = Refuse(status, message)}; }

std::optional<double> Degrees(const std::string& text, double limit) {
  double value = 0;
  if (!absl::SimpleAtod(text, &value) || !(std::abs(value) <= limit)) return std::nullopt;
  return value;
}

// `London`, `London,GB` or `Springfield,IL,US` (states by their name's start, which is all that the list can tell).
std::vector<const Place*> FindNamed(const std::string& query) {
  const std::vector<std::string> parts = absl::StrSplit(query, ',');
  std::vector<const Place*> found = FindPlaces(parts[0], false);
  if (parts.size() < 2) return found;
  const absl::string_view country = absl::StripAsciiWhitespace(parts.back());
  const absl::string_view state = parts.size() > 2 ? absl::StripAsciiWhitespace(parts[1]) : absl::string_view();
  const auto elsewhere = [&](const Place* place) {
    return !absl::EqualsIgnoreCase(place->country_code, country) || !absl::StartsWithIgnoreCase(place->admin1, state);
  };
  found.erase(std::remove_if(found.begin(), found.end(), elsewhere), found.end());
  return found;
}

Location ByCoordinates(const std::string& latitude_text, const std::string& longitude_text) {
  const auto latitude = Degrees(latitude_text, 90);
  if (!latitude) return Refused(400, "wrong latitude");
  const auto longitude = Degrees(longitude_text, 180);
  if (!longitude) return Refused(400, "wrong longitude");
  return {*latitude, *longitude, NearestPlace(*latitude, *longitude, kNameRadiusKm)};
}

Location Locate(const http_server::Request& request) {
  const std::string latitude = request.Parameter("lat");
  const std::string longitude = request.Parameter("lon");
  if (!latitude.empty() && !longitude.empty()) return ByCoordinates(latitude, longitude);
  const std::string query = request.Parameter("q");
  if (query.empty()) return Refused(400, "Nothing to geocode");
  const std::vector<const Place*> found = FindNamed(query);
  if (found.empty()) return Refused(404, "city not found");
  return {found.front()->latitude, found.front()->longitude, found.front()};
}

// units=standard (also for what it does not know), metric or imperial.
class Units {
 public:
  explicit Units(const std::string& name) : name_(name) {}

  double Temperature(double celsius) const {
    if (name_ == "metric") return Round(celsius, 2);
    return Round(name_ == "imperial" ? celsius * 1.8 + 32 : celsius + 273.15, 2);
  }
  double Speed(double meters_per_second) const {
    return Round(name_ == "imperial" ? meters_per_second * 2.236936 : meters_per_second, 2);
  }

 private:
  const std::string name_;
};

Json ConditionJson(const Conditions& now, std::string_view language) {
  const OpenWeatherCondition& condition = OpenWeatherConditionOf(now.weather_code);
  return Json::array({{{"id", condition.id},
                       {"main", condition.main},
                       {"description", std::string(condition.DescriptionIn(language))},
                       {"icon", std::string(condition.icon) + (now.is_day ? "d" : "n")}}});
}

Json MainJson(const Conditions& now, const Units& units, double spread) {
  return {{"temp", units.Temperature(now.temperature)},
          {"feels_like", units.Temperature(now.feels_like)},
          {"temp_min", units.Temperature(now.temperature - spread)},
          {"temp_max", units.Temperature(now.temperature + spread)},
          {"pressure", std::lround(now.pressure_msl)},
          {"humidity", std::lround(now.humidity)},
          {"sea_level", std::lround(now.pressure_msl)},
          {"grnd_level", std::lround(now.surface_pressure)}};
}

Json WindJson(const Conditions& now, const Units& units) {
  return {{"speed", units.Speed(now.wind_speed)},
          {"deg", std::lround(now.wind_direction) % 360},
          {"gust", units.Speed(now.wind_gust)}};
}

void AddPrecipitation(Json* json, const Conditions& now, const char* span, int hours) {
  if (now.rain > 0) (*json)["rain"] = {{span, Round(now.rain * hours, 2)}};
  if (now.snow > 0) (*json)["snow"] = {{span, Round(now.snow * hours, 2)}};
}

struct SunTimes {
  int64_t sunrise = 0;  // both 0 on a day without them
  int64_t sunset = 0;
};

SunTimes SunTimesOn(const Location& where, absl::Time now) {
  const absl::TimeZone zone = where.zone();
  const absl::Time noon = absl::FromCivil(absl::CivilHour(absl::ToCivilDay(now, zone)) + 12, zone);
  const SunDay day = SunDayAround(where.latitude, where.longitude, noon);
  if (day.kind != SunDay::Kind::kRisesAndSets) return {};
  return {absl::ToUnixSeconds(day.sunrise), absl::ToUnixSeconds(day.sunset)};
}

Json ForecastRow(const Location& where, absl::Time time, const Units& units, std::string_view language) {
  const Conditions now = ConditionsAt(where.latitude, where.longitude, where.elevation(), time);
  Json main = MainJson(now, units, 0);
  main["temp_kf"] = 0;
  Json row = {{"dt", absl::ToUnixSeconds(time)},
              {"main", main},
              {"weather", ConditionJson(now, language)},
              {"clouds", {{"all", std::lround(now.cloud_cover)}}},
              {"wind", WindJson(now, units)},
              {"visibility", std::lround(std::min(now.visibility, 10000.0))},
              {"pop", Round(now.precipitation_probability / 100, 2)}};
  AddPrecipitation(&row, now, "3h", 3);
  row["sys"] = {{"pod", now.is_day ? "d" : "n"}};
  row["dt_txt"] = absl::FormatTime("%Y-%m-%d %H:%M:%S", time, absl::UTCTimeZone());
  return row;
}

Json GeocodedJson(const Place& place) {
  Json json = {{"name", place.name}};
  json["local_names"]["en"] = place.name;
  if (*place.local_name != '\0') json["local_names"][place.local_language] = place.local_name;
  json["lat"] = place.latitude;
  json["lon"] = place.longitude;
  json["country"] = place.country_code;
  if (*place.admin1 != '\0') json["state"] = place.admin1;
  return json;
}

size_t LimitOf(const http_server::Request& request, size_t standard, size_t most) {
  size_t limit = 0;
  if (!absl::SimpleAtoi(request.Parameter("limit"), &limit) || limit == 0) return standard;
  return std::min(limit, most);
}

}  // namespace

std::string OpenWeather::ErrorBody(int status) {
  const char* message = "Internal error";
  if (status == 401) message = "Invalid API key. Please see https://openweathermap.org/faq#error401 for more info.";
  if (status == 404) message = "city not found";
  if (status == 429) {
    message =
        "Your account is temporary blocked due to exceeding of requests limitation of your subscription type. Please "
        "choose the proper subscription https://openweathermap.org/price";
  }
  return Refuse(status, message).body;
}

void OpenWeather::AddRoutes(Router* router) const {
  const auto add = [&](std::string_view path, std::string_view target, Answer answer) {
    router->Add("GET", path, target, [this, answer](const http_server::Request& request) {
      if (request.Parameter("appid") == api_key_) return (this->*answer)(request);
      http_server::Response refusal = JsonReply(401, Json());
      refusal.body = ErrorBody(401);
      return refusal;
    });
  };
  add("/data/2.5/weather", "openweather", &OpenWeather::Weather);
  add("/data/2.5/forecast", "openweather", &OpenWeather::Forecast);
  add("/geo/1.0/direct", "geocoding", &OpenWeather::Direct);
  add("/geo/1.0/reverse", "geocoding", &OpenWeather::Reverse);
}

http_server::Response OpenWeather::Weather(const http_server::Request& request) const {
  Location where = Locate(request);
  if (where.refusal) return *std::move(where.refusal);
  const absl::Time time = absl::UnixEpoch() + absl::Floor(clock_->Now() - absl::UnixEpoch(), kObservationStep);
  const Conditions now = ConditionsAt(where.latitude, where.longitude, where.elevation(), time);
  const Units units(request.Parameter("units"));
  const SunTimes sun = SunTimesOn(where, time);
  Json json = {{"coord", {{"lon", Round(where.longitude, 4)}, {"lat", Round(where.latitude, 4)}}},
               {"weather", ConditionJson(now, request.Parameter("lang"))},
               {"base", "stations"},
               {"main", MainJson(now, units, 0.5)},
               {"visibility", std::lround(std::min(now.visibility, 10000.0))},
               {"wind", WindJson(now, units)}};
  AddPrecipitation(&json, now, "1h", 1);
  json["clouds"] = {{"all", std::lround(now.cloud_cover)}};
  json["dt"] = absl::ToUnixSeconds(time);
  if (where.place != nullptr) json["sys"]["country"] = where.place->country_code;
  json["sys"]["sunrise"] = sun.sunrise;
  json["sys"]["sunset"] = sun.sunset;
  json["timezone"] = where.zone().At(time).offset;
  json["id"] = where.place == nullptr ? 0 : where.place->id;
  json["name"] = where.place == nullptr ? "" : where.place->name;
  json["cod"] = 200;
  return JsonReply(200, json);
}

http_server::Response OpenWeather::Forecast(const http_server::Request& request) const {
  Location where = Locate(request);
  if (where.refusal) return *std::move(where.refusal);
  int rows = kForecastRows;
  if (!absl::SimpleAtoi(request.Parameter("cnt"), &rows) || rows < 1 || rows > kForecastRows) rows = kForecastRows;
  const absl::Time now = clock_->Now();
  const absl::Time first = absl::UnixEpoch() + absl::Floor(now - absl::UnixEpoch(), kForecastStep) + kForecastStep;
  const Units units(request.Parameter("units"));
  const std::string language = request.Parameter("lang");
  Json list = Json::array();
  for (int i = 0; i < rows; ++i) list.push_back(ForecastRow(where, first + i * kForecastStep, units, language));
  const SunTimes sun = SunTimesOn(where, now);
  Json city = {{"id", where.place == nullptr ? 0 : where.place->id},
               {"name", where.place == nullptr ? "" : where.place->name},
               {"coord", {{"lat", Round(where.latitude, 4)}, {"lon", Round(where.longitude, 4)}}},
               {"country", where.place == nullptr ? "" : where.place->country_code},
               {"population", where.place == nullptr ? 0 : where.place->population},
               {"timezone", where.zone().At(now).offset},
               {"sunrise", sun.sunrise},
               {"sunset", sun.sunset}};
  return JsonReply(200, {{"cod", "200"}, {"message", 0}, {"cnt", rows}, {"list", list}, {"city", city}});
}

http_server::Response OpenWeather::Direct(const http_server::Request& request) const {
  const std::string query = request.Parameter("q");
  if (query.empty()) return Refuse(400, "Nothing to geocode");
  std::vector<const Place*> found = FindNamed(query);
  found.resize(std::min(found.size(), LimitOf(request, 1, 5)));
  Json list = Json::array();
  for (const Place* place : found) list.push_back(GeocodedJson(*place));
  return JsonReply(200, list);
}

http_server::Response OpenWeather::Reverse(const http_server::Request& request) const {
  Location where = ByCoordinates(request.Parameter("lat"), request.Parameter("lon"));
  if (where.refusal) return *std::move(where.refusal);
  Json list = Json::array();
  if (where.place != nullptr) list.push_back(GeocodedJson(*where.place));
  return JsonReply(200, list);
}

}  // namespace stratus::sandbox
