// The places that the sandbox's geocoders know: common ones, ambiguous names, and the corners of the world where clocks
// and the sun are odd.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"

namespace stratus::sandbox {

struct Place {
  int64_t id;  // as GeoNames numbers it where it has one
  const char* name;
  const char* local_name;  // in the country's own writing; empty where it is the same
  const char* local_language;
  double latitude;
  double longitude;
  double elevation;  // metres
  const char* country_code;
  const char* country;
  const char* admin1;  // state or region
  int64_t population;
  const char* time_zone;     // IANA
  const char* feature_code;  // GeoNames
};

// Most populous first within a name.
absl::Span<const Place> Places();

// Whose name or local name is `text`, or starts with it when `prefix`; case and Vietnamese or European accents do not
// count. Most populous first.
std::vector<const Place*> FindPlaces(std::string_view text, bool prefix);

double DistanceKm(double latitude1, double longitude1, double latitude2, double longitude2);

// The nearest place within `radius_km`, or nullptr.
const Place* NearestPlace(double latitude, double longitude, double radius_km);

// The nearest place's zone, or out at sea the nautical one, `Etc/GMT-7` (which is seven hours ahead).
std::string TimeZoneAt(double latitude, double longitude);

// The nearest place's height above the sea in metres; 0 far from all of them.
double ElevationAt(double latitude, double longitude);

}  // namespace stratus::sandbox
