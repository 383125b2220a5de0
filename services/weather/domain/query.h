// Requests, checked. Each Check function reads a whole request and either gives a query that needs no further checks or
// INVALID_ARGUMENT with every field violation at once, the fields named as the caller wrote them.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/weather/domain/model.h"
#include "services/weather/domain/units.h"
#include "stratus/weather/v1/weather.pb.h"

namespace stratus::weather {

struct Where {
  std::optional<Coordinates> coordinates;
  std::string place;  // a name, trimmed; with neither, the default place is meant
};

struct Sections {
  bool current = true;
  bool day = true;
  bool hours = true;

  friend bool operator==(const Sections&, const Sections&) = default;
};

// What decides how a report is shown.
struct View {
  Units units{};
  std::string time_zone{};               // IANA; empty: the place's own
  std::optional<absl::TimeZone> zone{};  // set together with time_zone
};

struct TodayQuery {
  Where where;
  std::string language;  // as asked; empty: English
  View view;
  Sections sections;
};

struct ForecastQuery {
  Where where;
  std::string language;
  View view;
  bool daily = false;
  int days = 7;  // 1 to 7
};

struct PlacesQuery {
  std::string text;
  std::string language;
  int page_size = 10;  // 1 to 50
};

struct WatchQuery {
  TodayQuery today;
  absl::Duration min_interval = absl::Seconds(60);  // 1 s to 1 h
};

struct RawQuery {
  Where where;
  std::string language;
  std::string units;  // `metric`, `imperial` or `standard`
};

absl::StatusOr<TodayQuery> CheckToday(const v1::GetTodayWeatherRequest& request);
absl::StatusOr<ForecastQuery> CheckForecast(const v1::GetForecastRequest& request);
absl::StatusOr<PlacesQuery> CheckPlaces(const v1::SearchPlacesRequest& request);
absl::StatusOr<WatchQuery> CheckWatch(const v1::WatchWeatherRequest& request);
absl::StatusOr<RawQuery> CheckRaw(const v1::GetOpenWeatherRequest& request);

}  // namespace stratus::weather
