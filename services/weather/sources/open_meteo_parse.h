// Open-Meteo's JSON into the model (open-meteo.com/en/docs, open-meteo.com/en/docs/geocoding-api). Pure.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/weather/domain/model.h"

namespace stratus::weather::open_meteo {

// The variables asked for, comma separated, as ParseReport reads them.
extern const char kCurrentVariables[];
extern const char kHourlyVariables[];
extern const char kDailyVariables[];

// An answer to /v1/forecast with timeformat=unixtime, timezone=auto and wind_speed_unit=ms. `source` names errors.
// Leaves source, language, fetched_at, attribution and the place's coordinates to the caller. SOURCE_BAD_ANSWER when
// the text is not such an answer.
absl::StatusOr<SourceReport> ParseReport(std::string_view source, std::string_view text);

// An answer to /v1/search.
absl::StatusOr<std::vector<PlaceInfo>> ParsePlaces(std::string_view source, std::string_view text);

}  // namespace stratus::weather::open_meteo
