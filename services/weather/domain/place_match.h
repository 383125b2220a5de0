// From a name and a geocoder's answers to one place, or to the places a caller has to choose from.
#pragma once

#include <string_view>
#include <vector>

#include "services/weather/domain/model.h"

namespace stratus::weather {

// The places that `name` can mean, in the geocoder's order. `Hanoi` means every place of exactly that name, or all
// answers when none has it (a name in another language). What follows a comma narrows: `London, CA` or `Paris, Texas`
// means those whose country code or region is that. Answers within 25 km of a better one in the same country are the
// same place. One result: that place. None: not found. Several: ambiguous; this never guesses.
std::vector<PlaceInfo> MatchPlaces(std::string_view name, const std::vector<PlaceInfo>& answers);

// Great-circle distance, on a sphere of 6371 km.
double DistanceKilometers(const Coordinates& a, const Coordinates& b);

}  // namespace stratus::weather
