// OpenWeather 2.5 JSON into the model (openweathermap.org/current, /forecast5, /api/geocoding-api). Pure.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/weather/domain/model.h"

namespace stratus::weather::openweather {

// Answers to /weather and /forecast with units=metric. Leaves source, language, fetched_at, attribution and the place's
// coordinates to the caller. SOURCE_BAD_ANSWER when one of the texts is not such an answer.
//
// OpenWeather leaves out what did not happen (openweathermap.org/current, "If you do not see some of the parameters"):
// without `rain` and `snow` precipitation is 0.
absl::StatusOr<SourceReport> ParseReport(std::string_view weather, std::string_view forecast);

// An answer to /geo/1.0/direct. `language` is a key of its `local_names`, an ISO 639-1 code: places are shown by that
// name where they have it.
absl::StatusOr<std::vector<PlaceInfo>> ParsePlaces(std::string_view text, std::string_view language);

}  // namespace stratus::weather::openweather
