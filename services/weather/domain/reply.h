// From a report to the replies that callers read.
#pragma once

#include "absl/time/time.h"
#include "services/weather/domain/model.h"
#include "services/weather/domain/query.h"
#include "stratus/weather/v1/weather.pb.h"

namespace stratus::weather {

// A reply's time of validity is a day: at `valid_until` the local day is another one and the reply must be built anew.
struct TodayReply {
  v1::TodayWeather message;  // without provenance
  absl::Time valid_until;
};

// `now` decides which day is today. The report's place is shown unless `place` names another.
TodayReply BuildToday(const SourceReport& report, const View& view, const Sections& sections, const PlaceInfo& place,
                      absl::Time now);

// Rows from the step that `now` falls in up to the end of the last local day. Without provenance.
v1::Forecast BuildForecast(const SourceReport& report, const ForecastQuery& query, const PlaceInfo& place,
                           absl::Time now);

// How a report is credited; `stale_reason` is empty for a report that is not stale.
v1::Provenance BuildProvenance(const SourceReport& report, absl::Time now, std::string_view stale_reason);

v1::Place ToProto(const PlaceInfo& place);

}  // namespace stratus::weather
