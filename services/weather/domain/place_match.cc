#include "services/weather/domain/place_match.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"

namespace stratus::weather {
namespace {

constexpr double kSamePlaceKilometers = 25;
constexpr double kEarthRadiusKilometers = 6371;

bool SameName(absl::string_view a, absl::string_view b) { return absl::EqualsIgnoreCase(a, b); }

bool Fits(const PlaceInfo& place, const std::vector<std::string>& qualifiers) {
  return std::all_of(qualifiers.begin(), qualifiers.end(), [&place](const std::string& qualifier) {
    return SameName(place.country_code, qualifier) || SameName(place.region, qualifier);
  });
}

bool SamePlace(const PlaceInfo& a, const PlaceInfo& b) {
  return a.country_code == b.country_code && DistanceKilometers(a.coordinates, b.coordinates) < kSamePlaceKilometers;
}

}  // namespace

double DistanceKilometers(const Coordinates& a, const Coordinates& b) {
  constexpr double kRadians = std::numbers::pi / 180;
  const double latitude = std::sin((b.latitude - a.latitude) * kRadians / 2);
  const double longitude = std::sin((b.longitude - a.longitude) * kRadians / 2);
  const double haversine =
      latitude * latitude + std::cos(a.latitude * kRadians) * std::cos(b.latitude * kRadians) * longitude * longitude;
  return 2 * kEarthRadiusKilometers * std::asin(std::min(1.0, std::sqrt(haversine)));
}

std::vector<PlaceInfo> MatchPlaces(std::string_view name, const std::vector<PlaceInfo>& answers) {
  std::vector<std::string> parts;
  for (const absl::string_view part : absl::StrSplit(core::ToAbsl(name), ',', absl::SkipWhitespace())) {
    parts.emplace_back(absl::StripAsciiWhitespace(part));
  }
  if (parts.empty()) return {};
  const std::string wanted = parts.front();
  parts.erase(parts.begin());

  const bool any_exact = std::any_of(answers.begin(), answers.end(),
                                     [&wanted](const PlaceInfo& place) { return SameName(place.name, wanted); });
  std::vector<PlaceInfo> matches;
  for (const PlaceInfo& place : answers) {
    if ((any_exact && !SameName(place.name, wanted)) || !Fits(place, parts)) continue;
    const bool known = std::any_of(matches.begin(), matches.end(),
                                   [&place](const PlaceInfo& match) { return SamePlace(match, place); });
    if (!known) matches.push_back(place);
  }
  return matches;
}

}  // namespace stratus::weather
