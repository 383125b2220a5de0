#include "services/weather/sources/open_meteo_parse.h"

#include <algorithm>
#include <string>
#include <utility>

#include "services/weather/domain/condition.h"
#include "services/weather/domain/time_zone.h"
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

// The `time` column. A time that is none, or not after those before it, is absent: its row is left out.
std::vector<std::optional<absl::Time>> ReadTimes(const Element& table, size_t rows_max) {
  std::vector<std::optional<absl::Time>> times;
  absl::Time last = absl::InfinitePast();
  ReadColumn(table, "time", rows_max, [&times, &last](size_t, const Element& value) {
    auto time = json::Time(value);
    if (time && *time <= last) time.reset();
    last = time.value_or(last);
    times.push_back(time);
  });
  return times;
}

// A table of columns as records, one a time. `begin` makes the record of a time.
template <typename Record, size_t kCount, typename Begin>
std::vector<Record> ReadTable(const Element& root, const char* name, size_t rows_max,
                              const Variable<Record> (&variables)[kCount], const Begin& begin) {
  const auto table = json::Member(root, name);
  if (!table) return {};
  const std::vector<std::optional<absl::Time>> times = ReadTimes(*table, rows_max);
  std::vector<Record> records(times.size());
  std::vector<bool> told(times.size());  // whether the source tells anything of that time
  for (const auto& variable : variables) {
    ReadColumn(*table, variable.name, records.size(), [&](size_t row, const Element& value) {
      records[row].*variable.value = json::Number(value, variable.range);
      if (records[row].*variable.value) told[row] = true;
    });
  }
  ReadColumn(*table, "weather_code", records.size(), [&](size_t row, const Element& value) {
    records[row].sky = SkyOf(json::Number(value, {0, kWmoCodeMax}));
    if (records[row].sky) told[row] = true;
  });
  size_t kept = 0;
  for (size_t row = 0; row < records.size(); ++row) {
    if (!times[row] || !told[row]) continue;
    begin(*times[row], records[row]);
    records[kept++] = std::move(records[row]);
  }
  records.resize(kept);
  return records;
}

std::vector<Observation> ReadRows(const Element& root) {
  return ReadTable(root, "hourly", kRowsMax, kVariables, [](absl::Time time, Observation& row) {
    row.time = time;
    row.step = absl::Hours(1);
  });
}

std::vector<DayValues> ReadDays(const Element& root) {
  return ReadTable(root, "daily", kDaysMax, kDayVariables, [](absl::Time time, DayValues& day) {
    // With unixtime a day is told by the instant of its local midnight; Open-Meteo cuts all days by one offset.
    day.start = time;
    day.end = time + absl::Hours(24);
  });
}

// The answer's own offset, else that of its zone, else what the sun says.
absl::Duration ReadOffset(const Element& root, const std::string& time_zone, absl::Time now) {
  const auto seconds =
      json::Integer(root, "utc_offset_seconds", -plausible::kUtcOffsetSecondsMax, plausible::kUtcOffsetSecondsMax);
  if (seconds) return absl::Seconds(*seconds);
  if (const auto zone = FindTimeZone(time_zone)) return absl::Seconds(zone->At(now).offset);
  return SolarOffset(json::Number(root, "longitude", plausible::kLongitude).value_or(0));
}

// Names of the parts that a place lies in, smallest last.
std::vector<std::string> ReadDistricts(const Element& row) {
  std::vector<std::string> districts;
  for (const char* level : {"admin2", "admin3", "admin4"}) {
    if (std::string name = json::Text(row, level); !name.empty()) districts.push_back(std::move(name));
  }
  return districts;
}

std::optional<int64_t> ReadPopulation(const Element& row) {
  const auto population = json::Number(row, "population", {1, 1e9});
  if (!population) return std::nullopt;  // 0 stands for "not known"
  return static_cast<int64_t>(*population);
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
  report.rows = ReadRows(root);
  if (!report.current && report.rows.empty()) return BadAnswer(source, "neither `current` nor `hourly` can be read");
  report.days = ReadDays(root);
  report.time_zone = json::Text(root, "timezone");
  report.utc_offset =
      ReadOffset(root, report.time_zone, report.current ? report.current->time : report.rows.front().time);
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
                      .elevation_m = json::Number(row, "elevation", plausible::kElevationMeters),
                      .districts = ReadDistricts(row),
                      .population = ReadPopulation(row)});
  }
  return places;
}

}  // namespace stratus::weather::open_meteo
