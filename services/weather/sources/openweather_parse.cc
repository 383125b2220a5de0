#include "services/weather/sources/openweather_parse.h"

#include <optional>
#include <string>
#include <utility>

#include "services/weather/domain/condition.h"
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

// Rain and snow over the same step, as water.
std::optional<double> Precipitation(const Element& object, const char* step) {
  std::optional<double> sum;
  for (const char* kind : {"rain", "snow"}) {
    const auto fall = Member(object, kind);
    if (!fall) continue;
    if (const auto depth = Number(*fall, step, plausible::kMillimeters)) sum = sum.value_or(0) + *depth;
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

absl::Status ReadWeather(std::string_view text, SourceReport* report) {
  const auto document = json::Document::Parse(text);
  if (!document) return BadAnswer(kSource, "/weather is not JSON, or cut short");
  const Element& root = document->root();
  report->current = ReadObservation(root, "1h", absl::Hours(1));
  if (!report->current || !Member(root, "main")) {
    return BadAnswer(kSource, "/weather lacks `dt` or `main`");
  }
  const auto offset =
      json::Integer(root, "timezone", -plausible::kUtcOffsetSecondsMax, plausible::kUtcOffsetSecondsMax);
  if (!offset) return BadAnswer(kSource, "/weather lacks `timezone`, or it is out of range");
  report->utc_offset = absl::Seconds(*offset);
  report->place.name = json::Text(root, "name");
  if (const auto sys = Member(root, "sys")) report->place.country_code = json::Text(*sys, "country");
  return absl::OkStatus();
}

absl::Status ReadForecast(std::string_view text, SourceReport* report) {
  const auto document = json::Document::Parse(text);
  if (!document) return BadAnswer(kSource, "/forecast is not JSON, or cut short");
  const auto list = Member(document->root(), "list");
  simdjson::dom::array rows;
  if (!list || list->get_array().get(rows) != simdjson::SUCCESS) return BadAnswer(kSource, "/forecast lacks `list`");
  for (const Element element : rows) {
    if (report->rows.size() == kRowsMax) break;
    std::optional<Observation> row = ReadObservation(element, "3h", absl::Hours(3));
    if (!row || (!report->rows.empty() && row->time <= report->rows.back().time)) {
      return BadAnswer(kSource, "/forecast has a row without `dt`, or out of order");
    }
    if (const auto chance = Number(element, "pop", {0, 1})) row->precipitation_probability_percent = *chance * 100;
    report->rows.push_back(*std::move(row));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SourceReport> ParseReport(std::string_view weather, std::string_view forecast) {
  SourceReport report;
  if (absl::Status status = ReadWeather(weather, &report); !status.ok()) return status;
  if (absl::Status status = ReadForecast(forecast, &report); !status.ok()) return status;
  return report;
}

absl::StatusOr<std::vector<PlaceInfo>> ParsePlaces(std::string_view text, std::string_view language) {
  const auto document = json::Document::Parse(text);
  simdjson::dom::array rows;
  if (!document || document->root().get_array().get(rows) != simdjson::SUCCESS) {
    return BadAnswer(kSource, "the geocoder's is not a JSON list, or cut short");
  }
  std::vector<PlaceInfo> places;
  const std::string key(language);
  for (const Element row : rows) {
    const auto latitude = Number(row, "lat", plausible::kLatitude);
    const auto longitude = Number(row, "lon", plausible::kLongitude);
    std::string name = json::Text(row, "name");
    if (!latitude || !longitude || name.empty() || places.size() == kPlacesMax) continue;
    if (const auto local_names = Member(row, "local_names")) {
      if (std::string local = json::Text(*local_names, key.c_str()); !local.empty()) name = std::move(local);
    }
    PlaceInfo place;
    place.name = std::move(name);
    place.coordinates = {*latitude, *longitude};
    place.country_code = json::Text(row, "country");
    place.region = json::Text(row, "state");
    places.push_back(std::move(place));
  }
  return places;
}

}  // namespace stratus::weather::openweather
