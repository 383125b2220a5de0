// From a name and a geocoder's answers to one place, or to the places a caller has to choose from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "services/weather/domain/model.h"

namespace stratus::weather {

// `Washington, D.C.` is the name `Washington` and the qualifier `D.C.`.
struct PlaceName {
  std::string name;                     // empty: nothing was asked for
  std::vector<std::string> qualifiers;  // countries and regions, by name or code
};
PlaceName ParsePlaceName(std::string_view text);

// The places that `wanted` can mean, in the geocoder's order. One result: that place. None: not found. Several: a
// person would ask which.
// - Every qualifier has to hold: the country's code or name (in English or `language`), the region's name, or its code
//   where such codes are in use.
// - Of those that are left, places with that name (spellings as FoldName has them, in any language that the source
// gives)
//   count, and the geocoder's own best answer whatever its name: it may be known by another name in another language.
//   Where no place has the name, all count.
// - Places within 25 km of a better answer in the same country are the same place.
// - A town that is known far better than every other candidate is the one that is meant: Paris is in France.
std::vector<PlaceInfo> MatchPlaces(const PlaceName& wanted, std::string_view language,
                                   const std::vector<PlaceInfo>& answers);

// Great-circle distance, on a sphere of 6371 km.
double DistanceKilometers(const Coordinates& a, const Coordinates& b);

}  // namespace stratus::weather
