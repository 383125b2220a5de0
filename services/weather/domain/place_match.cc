#include "services/weather/domain/place_match.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"
#include "services/weather/domain/name_fold.h"
#include "services/weather/domain/region_names.h"

namespace stratus::weather {
namespace {

constexpr double kSamePlaceKilometers = 25;
constexpr double kEarthRadiusKilometers = 6371;

// London (Ontario) has a twentieth of London's people, Hyderabad (Pakistan) a quarter of Hyderabad's: a person asks
// back for the second alone.
constexpr double kFarBetterKnown = 5;
// GeoNames' smallest "city". Among villages the larger one is not the one that is meant.
constexpr int64_t kTownPopulation = 15000;
// Where a source tells no population. A village's name is hardly ever translated.
constexpr int kTownLanguages = 10;

// A qualifier, looked up once for all answers.
struct Qualifier {
  std::string folded;
  std::string country_code;  // empty: no country is called that
};

bool HasName(const PlaceInfo& place, const std::string& folded) {
  if (FoldName(place.name) == folded) return true;
  return std::any_of(place.other_names.begin(), place.other_names.end(),
                     [&folded](const std::string& name) { return FoldName(name) == folded; });
}

bool IsRegion(const PlaceInfo& place, const std::string& folded) {
  if (FoldName(place.region) == folded) return true;
  const Subdivision* part = FindSubdivision(folded, place.country_code);
  return part != nullptr && FoldName(place.region) == FoldName(part->name);
}

bool Fits(const PlaceInfo& place, const Qualifier& qualifier) {
  if (!qualifier.country_code.empty() && qualifier.country_code == place.country_code) return true;
  if (IsRegion(place, qualifier.folded)) return true;
  return std::any_of(place.districts.begin(), place.districts.end(),
                     [&qualifier](const std::string& name) { return FoldName(name) == qualifier.folded; });
}

bool SamePlace(const PlaceInfo& a, const PlaceInfo& b) {
  return a.country_code == b.country_code && DistanceKilometers(a.coordinates, b.coordinates) < kSamePlaceKilometers;
}

double Renown(const PlaceInfo& place) {
  return place.population ? static_cast<double>(*place.population) : place.languages;
}

bool IsTown(const PlaceInfo& place) {
  return place.population ? *place.population >= kTownPopulation : place.languages >= kTownLanguages;
}

std::vector<PlaceInfo> Fitting(const PlaceName& wanted, std::string_view language,
                               const std::vector<PlaceInfo>& answers) {
  std::vector<Qualifier> qualifiers;
  for (const std::string& text : wanted.qualifiers) qualifiers.push_back({FoldName(text), CountryCode(text, language)});
  std::vector<PlaceInfo> fitting;
  for (const PlaceInfo& place : answers) {
    if (std::all_of(qualifiers.begin(), qualifiers.end(),
                    [&place](const Qualifier& qualifier) { return Fits(place, qualifier); })) {
      fitting.push_back(place);
    }
  }
  return fitting;
}

void Add(const PlaceInfo& place, std::vector<PlaceInfo>& places) {
  const auto known =
      std::find_if(places.begin(), places.end(), [&place](const PlaceInfo& other) { return SamePlace(other, place); });
  if (known == places.end()) {
    places.push_back(place);
  } else if (Renown(place) > Renown(*known)) {  // a city and the district that bears its name
    known->population = place.population;
    known->languages = place.languages;
  }
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

PlaceName ParsePlaceName(std::string_view text) {
  PlaceName place;
  for (const absl::string_view part : absl::StrSplit(core::ToAbsl(text), ',', absl::SkipWhitespace())) {
    std::string stripped(absl::StripAsciiWhitespace(part));
    if (place.name.empty()) {
      place.name = std::move(stripped);
    } else {
      place.qualifiers.push_back(std::move(stripped));
    }
  }
  return place;
}

std::vector<PlaceInfo> MatchPlaces(const PlaceName& wanted, std::string_view language,
                                   const std::vector<PlaceInfo>& answers) {
  if (wanted.name.empty()) return {};
  const std::vector<PlaceInfo> fitting = Fitting(wanted, language, answers);
  const std::string name = FoldName(wanted.name);
  const bool any_named =
      std::any_of(fitting.begin(), fitting.end(), [&name](const PlaceInfo& place) { return HasName(place, name); });

  std::vector<PlaceInfo> matches;
  for (size_t i = 0; i < fitting.size(); ++i) {
    if (i == 0 || !any_named || HasName(fitting[i], name)) Add(fitting[i], matches);
  }
  const auto best = std::max_element(matches.begin(), matches.end(),
                                     [](const PlaceInfo& a, const PlaceInfo& b) { return Renown(a) < Renown(b); });
  if (best == matches.end() || !IsTown(*best)) return matches;
  const auto rivals = std::count_if(matches.begin(), matches.end(), [&best](const PlaceInfo& place) {
    return Renown(place) * kFarBetterKnown > Renown(*best);
  });
  return rivals == 1 ? std::vector<PlaceInfo>{*best} : matches;
}

}  // namespace stratus::weather
