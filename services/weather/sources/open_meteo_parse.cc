#include "services/weather/sources/open_meteo_parse.h"

#include <algorithm>
#include <string>
#include <utility>

#include "services/weather/domain/condition.h"
#include "services/weather/sources/json_reader.h"
#include "services/weather/sources/plausible.h"
#include "services/weather/sources/upstream_error.h"

namespace stratus::weather::open_meteo {
namespace {

using json::Element;
using json::Range;

constexpr size_t kRowsMax = 24 * 17;
constexpr size_t kDaysMax = 17;
constexpr size_t kPlacesMax = 100;
constexpr int kWmoCodeMax = 99;

// One variable of the API and the value of the model it becomes.
template <typename Record>
struct Variable {
  const char* name;
  std::optional<double> Record::*value;
  Range range;
};

constexpr Variable<Observation> kVariables[] = {
    {"temperature_2m", &Observation::temperature_c, plausible::kCelsius},
    {"apparent_temperature", &Observation::feels_like_c, plausible::kCelsius},
    {"relative_humidity_2m", &Observation::humidity_percent, plausible::kPercent},
    {"dew_point_2m", &Observation::dew_point_c, plausible::kCelsius},
    {"pressure_msl", &Observation::pressure_hpa, plausible::kHectopascal},
    {"wind_speed_10m", &Observation::wind_speed_mps, plausible::kMetersPerSecond},
    {"wind_direction_10m", &Observation::wind_direction_degrees, plausible::kDegrees},
    {"wind_gusts_10m", &Observation::wind_gust_mps, plausible::kMetersPerSecond},
    {"cloud_cover", &Observation::cloud_cover_percent, plausible::kPercent},
    {"visibility", &Observation::visibility_m, plausible::kVisibilityMeters},
    {"uv_index", &Observation::uv_index, plausible::kUvIndex},
    {"precipitation", &Observation::precipitation_mm, plausible::kMillimeters},
    {"precipitation_probability", &Observation::precipitation_probability_percent, plausible::kPercent},
};

constexpr Variable<DayValues> kDayVariables[] = {
    {"temperature_2m_min", &DayValues::temperature_min_c, plausible::kCelsius},
    {"temperature_2m_max", &DayValues::temperature_max_c, plausible::kCelsius},
    {"precipitation_sum", &DayValues::precipitation_sum_mm, plausible::kMillimeters},
    {"precipitation_probability_max", &DayValues::precipitation_probability_max_percent, plausible::kPercent},
    {"uv_index_max", &DayValues::uv_index_max, plausible::kUvIndex},
    {"wind_gusts_10m_max", &DayValues::wind_gust_max_mps, plausible::kMetersPerSecond},
};

std::optional<Sky> SkyOf(const std::optional<double>& code) {
  if (!code) return std::nullopt;
  return SkyFromWmo(static_cast<int>(*code));
}

std::optional<Observation> ReadCurrent(const Element& root) {
  const auto current = json::Member(root, "current");
  if (!current) return std::nullopt;
  const auto time = json::Time(json::Member(*current, "time"));
  if (!time) return std::nullopt;
  Observation observation;
  observation.time = *time;
  // `interval`: the seconds that sums of the current values cover.
  observation.step = absl::Seconds(json::Integer(*current, "interval", 1, 3 * 3600).value_or(0));
  for (const auto& variable : kVariables) {
    observation.*variable.value = json::Number(*current, variable.name, variable.range);
  }
  observation.sky = SkyOf(json::Number(*current, "weather_code", {0, kWmoCodeMax}));
  return observation;
}

// Calls take(row index, value) for each element of the column `name`; a column that is missing or too short leaves the
// later rows as they are.
template <typename Take>
void ReadColumn(const Element& table, const char* name, size_t rows, const Take& take) {
  const auto column = json::Member(table, name);
  simdjson::dom::array values;
  if (!column || column->get_array().get(values) != simdjson::SUCCESS) return;
  size_t row = 0;
  for (const Element value : values) {
    if (row == rows) return;
    take(row++, value);
  }
}

// The `time` column; empty when the table is missing or a time is no time.
std::vector<absl::Time> ReadTimes(const Element& root, const char* table, size_t rows_max) {
  std::vector<absl::Time> times;
  const auto found = json::Member(root, table);
  if (!found) return times;
  bool good = true;
  ReadColumn(*found, "time", rows_max, [&times, &good](size_t, const Element& value) {
    const auto time = json::Time(value);
    good = good && time && (times.empty() || times.back() < *time);
    if (good) times.push_back(*time);
  });
  if (!good) times.clear();
  return times;
}

std::vector<Observation> ReadRows(const Element& root) {
  std::vector<Observation> rows;
  const std::vector<absl::Time> times = ReadTimes(root, "hourly", kRowsMax);
  if (times.empty()) return rows;
  const Element table = *json::Member(root, "hourly");
  rows.resize(times.size());
  for (size_t i = 0; i < times.size(); ++i) {
    rows[i].time = times[i];
    rows[i].step = absl::Hours(1);
  }
  for (const auto& variable : kVariables) {
    ReadColumn(table, variable.name, rows.size(), [&](size_t row, const Element& value) {
      rows[row].*variable.value = json::Number(value, variable.range);
    });
  }
  ReadColumn(table, "weather_code", rows.size(), [&](size_t row, const Element& value) {
    rows[row].sky = SkyOf(json::Number(value, {0, kWmoCodeMax}));
  });
  return rows;
}

std::vector<DayValues> ReadDays(const Element& root) {
  std::vector<DayValues> days;
  const std::vector<absl::Time> times = ReadTimes(root, "daily", kDaysMax);
  if (times.empty()) return days;
  const Element table = *json::Member(root, "daily");
  days.resize(times.size());
  for (size_t i = 0; i < times.size(); ++i) {
    // With unixtime a day is told by the instant of its local midnight; Open-Meteo cuts all days by one offset.
    days[i].start = times[i];
    days[i].end = times[i] + absl::Hours(24);
  }
  for (const auto& variable : kDayVariables) {
    ReadColumn(table, variable.name, days.size(), [&](size_t row, const Element& value) {
      days[row].*variable.value = json::Number(value, variable.range);
    });
  }
  ReadColumn(table, "weather_code", days.size(), [&](size_t row, const Element& value) {
    days[row].sky = SkyOf(json::Number(value, {0, kWmoCodeMax}));
  });
  return days;
}

}  // namespace

const char kCurrentVariables[] =
    "temperature_2m,apparent_temperature,relative_humidity_2m,dew_point_2m,pressure_msl,wind_speed_10m,"
    "wind_direction_10m,wind_gusts_10m,cloud_cover,visibility,uv_index,precipitation,weather_code";
const char kHourlyVariables[] =
    "temperature_2m,apparent_temperature,relative_humidity_2m,dew_point_2m,pressure_msl,wind_speed_10m,"
    "wind_direction_10m,wind_gusts_10m,cloud_cover,visibility,uv_index,precipitation,precipitation_probability,"
    "weather_code";
const char kDailyVariables[] =
    "weather_code,temperature_2m_min,temperature_2m_max,precipitation_sum,precipitation_probability_max,uv_index_max,"
    "wind_gusts_10m_max";

absl::StatusOr<SourceReport> ParseReport(std::string_view source, std::string_view text) {
  const auto document = json::Document::Parse(text);
  if (!document) return BadAnswer(source, "it is not JSON, or cut short");
  const Element& root = document->root();
  SourceReport report;
  report.current = ReadCurrent(root);
  if (!report.current) return BadAnswer(source, "`current` is missing or has no time");
  report.rows = ReadRows(root);
  if (report.rows.empty()) return BadAnswer(source, "`hourly` is missing or its times are wrong");
  report.days = ReadDays(root);
  const auto offset =
      json::Integer(root, "utc_offset_seconds", -plausible::kUtcOffsetSecondsMax, plausible::kUtcOffsetSecondsMax);
  if (!offset) return BadAnswer(source, "`utc_offset_seconds` is missing or out of range");
  report.utc_offset = absl::Seconds(*offset);
  report.time_zone = json::Text(root, "timezone");
  report.place.time_zone = report.time_zone;
  report.place.elevation_m = json::Number(root, "elevation", plausible::kElevationMeters);
  return report;
}

absl::StatusOr<std::vector<PlaceInfo>> ParsePlaces(std::string_view source, std::string_view text) {
  const auto document = json::Document::Parse(text);
  if (!document || !document->root().is_object()) return BadAnswer(source, "it is not JSON, or cut short");
  std::vector<PlaceInfo> places;
  const auto results = json::Member(document->root(), "results");
  if (!results) return places;  // how Open-Meteo says that nothing matches
  simdjson::dom::array rows;
  if (results->get_array().get(rows) != simdjson::SUCCESS) return BadAnswer(source, "`results` is not a list");
  for (const Element row : rows) {
    const auto latitude = json::Number(row, "latitude", plausible::kLatitude);
    const auto longitude = json::Number(row, "longitude", plausible::kLongitude);
    std::string name = json::Text(row, "name");
    if (!latitude || !longitude || name.empty() || places.size() == kPlacesMax) continue;
    places.push_back({.name = std::move(name),
                      .coordinates = {*latitude, *longitude},
                      .country_code = json::Text(row, "country_code"),
                      .region = json::Text(row, "admin1"),
                      .time_zone = json::Text(row, "timezone"),
                      .elevation_m = json::Number(row, "elevation", plausible::kElevationMeters)});
  }
  return places;
}

}  // namespace stratus::weather::open_meteo
