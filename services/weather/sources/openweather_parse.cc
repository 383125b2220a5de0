#include "services/weather/sources/openweather_parse.h"

#include <optional>
#include <string>
#include <utility>

#include "services/weather/domain/condition.h"
#include "services/weather/domain/time_zone.h"
#include "services/weather/sources/json_reader.h"
#include "services/weather/sources/plausible.h"
#include "services/weather/sources/upstream_error.h"

namespace stratus::weather::openweather {
namespace {

using json::Element;
using json::Member;
using json::Number;

constexpr char kSource[] = "openweather";
constexpr size_t kRowsMax = 200;
constexpr size_t kPlacesMax = 50;
constexpr int kLocalNamesMax = 250;
constexpr size_t kLocalNameBytesMax = 256;

// Rain and snow over the same step, as water. 0 without either: the documentation says that what is not in an answer
// did not happen.
std::optional<double> Precipitation(const Element& object, const char* step) {
  double sum = 0;
  for (const char* kind : {"rain", "snow"}) {
    const auto fall = Member(object, kind);
    if (!fall) continue;
    const auto depth = Number(*fall, step, plausible::kMillimeters);
    if (!depth) return std::nullopt;
    sum += *depth;
  }
  return sum;
}

std::optional<Sky> ReadSky(const Element& object) {
  const auto list = Member(object, "weather");
  simdjson::dom::array array;
  Element first;
  if (!list || list->get_array().get(array) != simdjson::SUCCESS) return std::nullopt;
  if (array.at(0).get(first) != simdjson::SUCCESS) return std::nullopt;
  const auto id = json::Integer(first, "id", 1, 999);
  if (!id) return std::nullopt;
  return SkyFromOpenWeather(*id, json::Text(first, "description"));
}

void ReadMain(const Element& object, Observation* observation) {
  const auto main = Member(object, "main");
  if (!main) return;
  observation->temperature_c = Number(*main, "temp", plausible::kCelsius);
  observation->feels_like_c = Number(*main, "feels_like", plausible::kCelsius);
  observation->humidity_percent = Number(*main, "humidity", plausible::kPercent);
  // Both are at sea level; `sea_level` is the newer name.
  observation->pressure_hpa = Number(*main, "sea_level", plausible::kHectopascal);
  if (!observation->pressure_hpa) observation->pressure_hpa = Number(*main, "pressure", plausible::kHectopascal);
}

void ReadWind(const Element& object, Observation* observation) {
  const auto wind = Member(object, "wind");
  if (!wind) return;
  observation->wind_speed_mps = Number(*wind, "speed", plausible::kMetersPerSecond);
  observation->wind_direction_degrees = Number(*wind, "deg", plausible::kDegrees);
  observation->wind_gust_mps = Number(*wind, "gust", plausible::kMetersPerSecond);
}

// What /weather and a row of /forecast have in common. Nothing without a time.
std::optional<Observation> ReadObservation(const Element& object, const char* step_name, absl::Duration step) {
  const auto time = json::Time(Member(object, "dt"));
  if (!time) return std::nullopt;
  Observation observation;
  observation.time = *time;
  observation.step = step;
  ReadMain(object, &observation);
  ReadWind(object, &observation);
  if (const auto clouds = Member(object, "clouds")) {
    observation.cloud_cover_percent = Number(*clouds, "all", plausible::kPercent);
  }
  observation.visibility_m = Number(object, "visibility", plausible::kVisibilityMeters);
  observation.precipitation_mm = Precipitation(object, step_name);
  observation.sky = ReadSky(object);
  return observation;
}

// The offset from UTC in seconds, by that name.
std::optional<absl::Duration> ReadOffset(const Element& object) {
  const auto seconds =
      json::Integer(object, "timezone", -plausible::kUtcOffsetSecondsMax, plausible::kUtcOffsetSecondsMax);
  if (!seconds) return std::nullopt;
  return absl::Seconds(*seconds);
}

void ReadWeather(const Element& root, SourceReport* report) {
  if (Member(root, "main")) report->current = ReadObservation(root, "1h", absl::Hours(1));
  report->place.name = json::Text(root, "name");
  if (const auto sys = Member(root, "sys")) report->place.country_code = json::Text(*sys, "country");
}

void ReadForecast(const Element& root, SourceReport* report) {
  const auto list = Member(root, "list");
  simdjson::dom::array rows;
  if (!list || list->get_array().get(rows) != simdjson::SUCCESS) return;
  for (const Element element : rows) {
    if (report->rows.size() == kRowsMax) break;
    std::optional<Observation> row = ReadObservation(element, "3h", absl::Hours(3));
    // A row without its time, or out of order, is left out.
    if (!row || (!report->rows.empty() && row->time <= report->rows.back().time)) continue;
    if (const auto chance = Number(element, "pop", {0, 1})) row->precipitation_probability_percent = *chance * 100;
    report->rows.push_back(*std::move(row));
  }
}

// /weather's, else /forecast's, else what the sun says.
absl::Duration ReportOffset(const Element& weather, const Element& forecast) {
  if (const auto offset = ReadOffset(weather)) return *offset;
  if (const auto city = Member(forecast, "city")) {
    if (const auto offset = ReadOffset(*city)) return *offset;
  }
  const auto where = Member(weather, "coord");
  return SolarOffset(where ? Number(*where, "lon", plausible::kLongitude).value_or(0) : 0);
}

// The place's names in other languages, and in how many it has one.
void ReadLocalNames(const Element& row, std::string_view language, PlaceInfo* place) {
  const auto local_names = Member(row, "local_names");
  simdjson::dom::object names;
  if (!local_names || local_names->get_object().get(names) != simdjson::SUCCESS) return;
  for (const auto field : names) {
    std::string_view name;
    // Two keys are no languages.
    if (field.key == "feature_name" || field.key == "ascii") continue;
    if (field.value.get_string().get(name) != simdjson::SUCCESS || name.empty()) continue;
    if (place->languages == kLocalNamesMax || name.size() > kLocalNameBytesMax) continue;
    ++place->languages;
    if (field.key == language) {
      place->other_names.push_back(std::exchange(place->name, std::string(name)));
    } else {
      place->other_names.emplace_back(name);
    }
  }
}

}  // namespace

absl::StatusOr<SourceReport> ParseReport(std::string_view weather_text, std::string_view forecast_text) {
  const auto weather = json::Document::Parse(weather_text);
  if (!weather) return BadAnswer(kSource, "/weather is not JSON, or cut short");
  const auto forecast = json::Document::Parse(forecast_text);
  if (!forecast) return BadAnswer(kSource, "/forecast is not JSON, or cut short");
  SourceReport report;
  ReadWeather(weather->root(), &report);
  ReadForecast(forecast->root(), &report);
  if (!report.current && report.rows.empty()) {
    return BadAnswer(kSource, "neither /weather nor /forecast holds an observation");
  }
  report.utc_offset = ReportOffset(weather->root(), forecast->root());
  return report;
}

absl::StatusOr<std::vector<PlaceInfo>> ParsePlaces(std::string_view text, std::string_view language) {
  const auto document = json::Document::Parse(text);
  simdjson::dom::array rows;
  if (!document || document->root().get_array().get(rows) != simdjson::SUCCESS) {
    return BadAnswer(kSource, "the geocoder's is not a JSON list, or cut short");
  }
  std::vector<PlaceInfo> places;
  for (const Element row : rows) {
    const auto latitude = Number(row, "lat", plausible::kLatitude);
    const auto longitude = Number(row, "lon", plausible::kLongitude);
    std::string name = json::Text(row, "name");
    if (!latitude || !longitude || name.empty() || places.size() == kPlacesMax) continue;
    PlaceInfo place;
    place.name = std::move(name);
    place.coordinates = {*latitude, *longitude};
    place.country_code = json::Text(row, "country");
    place.region = json::Text(row, "state");
    ReadLocalNames(row, language, &place);
    places.push_back(std::move(place));
  }
  return places;
}

}  // namespace stratus::weather::openweather
