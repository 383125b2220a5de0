// The weather as this service thinks of it, whichever source it came from. Units are fixed: degrees Celsius, m/s, hPa,
// millimetres, metres, percent. Celsius and not kelvin, because both sources report it to one decimal and a detour over
// kelvin would turn 21.3 into 21.299999999999983. A value that the source did not give is absent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "stratus/weather/v1/weather.pb.h"

namespace stratus::weather {

struct Coordinates {
  double latitude = 0;   // degrees north, -90 to 90
  double longitude = 0;  // degrees east, -180 to 180
};

struct PlaceInfo {
  std::string name{};
  Coordinates coordinates{};
  std::string country_code{};  // ISO 3166-1 alpha-2
  std::string region{};
  std::string time_zone{};  // IANA
  std::optional<double> elevation_m{};

  // For telling places apart, never shown. What the source does not give is absent, empty or 0.
  std::vector<std::string> other_names{};  // the same place in other languages
  std::vector<std::string> districts{};    // smaller than the region
  std::optional<int64_t> population{};
  int languages = 0;  // in how many the place has a name of its own
};

// What the sky does, in the source's code and ours.
struct Sky {
  v1::Condition::Kind kind = v1::Condition::KIND_UNSPECIFIED;
  int source_code = 0;
  std::string text{};
  std::string icon{};  // OpenWeather's icon without its day or night letter: `10`
};

// The weather at one moment.
struct Observation {
  absl::Time time = absl::UnixEpoch();
  // The step that ends at `time`, over which precipitation and its chance hold. Zero: not known.
  absl::Duration step = absl::ZeroDuration();
  std::optional<double> temperature_c{};
  std::optional<double> feels_like_c{};
  std::optional<double> humidity_percent{};
  std::optional<double> dew_point_c{};
  std::optional<double> pressure_hpa{};  // at sea level
  std::optional<double> wind_speed_mps{};
  std::optional<double> wind_direction_degrees{};  // where it comes from, clockwise from north
  std::optional<double> wind_gust_mps{};
  std::optional<double> cloud_cover_percent{};
  std::optional<double> visibility_m{};
  std::optional<double> uv_index{};
  std::optional<double> precipitation_mm{};
  std::optional<double> precipitation_probability_percent{};
  std::optional<Sky> sky{};
};

// The source's own sums for one day, as the source cuts its days.
struct DayValues {
  absl::Time start = absl::UnixEpoch();
  absl::Time end = absl::UnixEpoch();
  std::optional<double> temperature_min_c{};
  std::optional<double> temperature_max_c{};
  std::optional<double> precipitation_sum_mm{};
  std::optional<double> precipitation_probability_max_percent{};
  std::optional<double> uv_index_max{};
  std::optional<double> wind_gust_max_mps{};
  std::optional<Sky> sky{};
};

// Everything that one round of questions to a source gave for one place.
struct SourceReport {
  std::string source{};    // `openweather`, `open-meteo`, `sandbox`
  std::string language{};  // BCP 47, of the texts
  PlaceInfo place{};
  // The place's zone: an IANA name, or empty when the source told no more than an offset.
  std::string time_zone{};
  absl::Duration utc_offset = absl::ZeroDuration();
  absl::Time fetched_at = absl::UnixEpoch();
  std::optional<Observation> current{};
  std::vector<Observation> rows{};  // ascending in time, without duplicates
  std::vector<DayValues> days{};
  std::string attribution{};
  std::string attribution_url{};
};

}  // namespace stratus::weather
