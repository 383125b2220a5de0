#include "services/sandbox/places.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "services/sandbox/fold.h"

namespace stratus::sandbox {
namespace {

constexpr double kEarthRadiusKm = 6371;
constexpr double kZoneRadiusKm = 500;
constexpr double kElevationRadiusKm = 50;

constexpr Place kPlaces[] = {
    {1581130, "Hanoi", "Hà Nội", "vi", 21.0245, 105.84117, 12, "VN", "Vietnam", "Hanoi", 8053663, "Asia/Ho_Chi_Minh",
     "PPLC"},
    {1566083, "Ho Chi Minh City", "Thành phố Hồ Chí Minh", "vi", 10.82302, 106.62965, 11, "VN", "Vietnam",
     "Ho Chi Minh", 14002598, "Asia/Ho_Chi_Minh", "PPLA"},
    {1583992, "Da Nang", "Đà Nẵng", "vi", 16.06778, 108.22083, 7, "VN", "Vietnam", "Da Nang City", 988569,
     "Asia/Ho_Chi_Minh", "PPLA"},
    {2643743, "London", "", "", 51.50853, -0.12574, 25, "GB", "United Kingdom", "England", 8961989, "Europe/London",
     "PPLC"},
    {6058560, "London", "", "", 42.98339, -81.23304, 252, "CA", "Canada", "Ontario", 422324, "America/Toronto",
     "PPLA2"},
    {4298960, "London", "", "", 37.12898, -84.08326, 378, "US", "United States", "Kentucky", 8126, "America/New_York",
     "PPLA2"},
    {4951788, "Springfield", "", "", 42.10148, -72.58981, 21, "US", "United States", "Massachusetts", 154341,
     "America/New_York", "PPLA2"},
    {4409896, "Springfield", "", "", 37.21533, -93.29824, 396, "US", "United States", "Missouri", 166810,
     "America/Chicago", "PPLA2"},
    {4250542, "Springfield", "", "", 39.80172, -89.64371, 181, "US", "United States", "Illinois", 116565,
     "America/Chicago", "PPLA"},
    {2988507, "Paris", "", "", 48.85341, 2.3488, 42, "FR", "France", "Île-de-France", 2138551, "Europe/Paris", "PPLC"},
    {4717560, "Paris", "", "", 33.66094, -95.55551, 183, "US", "United States", "Texas", 24782, "America/Chicago",
     "PPLA2"},
    {2950159, "Berlin", "", "", 52.52437, 13.41053, 74, "DE", "Germany", "Berlin", 3426354, "Europe/Berlin", "PPLC"},
    {2867714, "Munich", "München", "de", 48.13743, 11.57549, 524, "DE", "Germany", "Bavaria", 1260391, "Europe/Berlin",
     "PPLA"},
    {3117735, "Madrid", "", "", 40.4165, -3.70256, 665, "ES", "Spain", "Madrid", 3255944, "Europe/Madrid", "PPLC"},
    {3169070, "Rome", "Roma", "it", 41.89193, 12.51133, 20, "IT", "Italy", "Lazio", 2318895, "Europe/Rome", "PPLC"},
    {264371, "Athens", "Αθήνα", "el", 37.98376, 23.72784, 70, "GR", "Greece", "Attica", 664046, "Europe/Athens",
     "PPLC"},
    {524901, "Moscow", "Москва", "ru", 55.75222, 37.61556, 144, "RU", "Russia", "Moscow", 10381222, "Europe/Moscow",
     "PPLC"},
    {3413829, "Reykjavík", "", "", 64.13548, -21.89541, 37, "IS", "Iceland", "Capital Region", 118918,
     "Atlantic/Reykjavik", "PPLC"},
    {2729907, "Longyearbyen", "", "", 78.22334, 15.64689, 2, "SJ", "Svalbard and Jan Mayen", "Svalbard", 2060,
     "Arctic/Longyearbyen", "PPLC"},
    {3133895, "Tromsø", "", "", 69.6489, 18.95508, 10, "NO", "Norway", "Troms", 76974, "Europe/Oslo", "PPLA"},
    {6696480, "Amundsen-Scott South Pole Station", "", "", -90, 0, 2835, "AQ", "Antarctica", "", 150,
     "Antarctica/McMurdo", "STNB"},
    {6696478, "McMurdo Station", "", "", -77.846, 166.676, 24, "AQ", "Antarctica", "", 1200, "Antarctica/McMurdo",
     "STNB"},
    {4033936, "Waitangi", "", "", -43.95353, -176.55973, 6, "NZ", "New Zealand", "Chatham Islands", 300,
     "Pacific/Chatham", "PPLA"},
    {2179537, "Wellington", "", "", -41.28664, 174.77557, 20, "NZ", "New Zealand", "Wellington Region", 381900,
     "Pacific/Auckland", "PPLC"},
    {2193733, "Auckland", "", "", -36.84853, 174.76349, 26, "NZ", "New Zealand", "Auckland", 417910, "Pacific/Auckland",
     "PPLA"},
    {2147714, "Sydney", "", "", -33.86785, 151.20732, 58, "AU", "Australia", "New South Wales", 4627345,
     "Australia/Sydney", "PPLA"},
    {2078025, "Adelaide", "", "", -34.92866, 138.59863, 59, "AU", "Australia", "South Australia", 1225235,
     "Australia/Adelaide", "PPLA"},
    {7839706, "Lord Howe Island", "", "", -31.5533, 159.0821, 40, "AU", "Australia", "New South Wales", 382,
     "Australia/Lord_Howe", "PPL"},
    {1275004, "Kolkata", "কলকাতা", "bn", 22.56263, 88.36304, 11, "IN", "India", "West Bengal", 4631392, "Asia/Kolkata",
     "PPLA"},
    {1273294, "Delhi", "दिल्ली", "hi", 28.65195, 77.23149, 227, "IN", "India", "Delhi", 10927986, "Asia/Kolkata",
     "PPLA"},
    {1283240, "Kathmandu", "काठमाडौं", "ne", 27.70169, 85.3206, 1317, "NP", "Nepal", "Bagmati Province", 1442271,
     "Asia/Kathmandu", "PPLC"},
    {112931, "Tehran", "تهران", "fa", 35.69439, 51.42151, 1179, "IR", "Iran", "Tehran", 7153309, "Asia/Tehran", "PPLC"},
    {1850147, "Tokyo", "東京", "ja", 35.6895, 139.69171, 44, "JP", "Japan", "Tokyo", 8336599, "Asia/Tokyo", "PPLC"},
    {1816670, "Beijing", "北京", "zh", 39.9075, 116.39723, 49, "CN", "China", "Beijing", 18960744, "Asia/Shanghai",
     "PPLC"},
    {1880252, "Singapore", "", "", 1.28967, 103.85007, 15, "SG", "Singapore", "", 3547809, "Asia/Singapore", "PPLC"},
    {360630, "Cairo", "القاهرة", "ar", 30.06263, 31.24967, 23, "EG", "Egypt", "Cairo Governorate", 7734614,
     "Africa/Cairo", "PPLC"},
    {184745, "Nairobi", "", "", -1.28333, 36.81667, 1684, "KE", "Kenya", "Nairobi County", 2750547, "Africa/Nairobi",
     "PPLC"},
    {3369157, "Cape Town", "Kaapstad", "af", -33.92584, 18.42322, 25, "ZA", "South Africa", "Western Cape", 3433441,
     "Africa/Johannesburg", "PPLA"},
    {5128581, "New York", "", "", 40.71427, -74.00597, 10, "US", "United States", "New York", 8804190,
     "America/New_York", "PPL"},
    {5368361, "Los Angeles", "", "", 34.05223, -118.24368, 89, "US", "United States", "California", 3898747,
     "America/Los_Angeles", "PPLA2"},
    {5856195, "Honolulu", "", "", 21.30694, -157.85833, 18, "US", "United States", "Hawaii", 371657, "Pacific/Honolulu",
     "PPLA"},
    {6324729, "Halifax", "", "", 44.64533, -63.57239, 34, "CA", "Canada", "Nova Scotia", 439819, "America/Halifax",
     "PPLA"},
    {6324733, "St. John's", "", "", 47.56494, -52.70931, 29, "CA", "Canada", "Newfoundland and Labrador", 110525,
     "America/St_Johns", "PPLA"},
    {3448439, "São Paulo", "", "", -23.5475, -46.63611, 769, "BR", "Brazil", "São Paulo", 12400232, "America/Sao_Paulo",
     "PPLA"},
    {3871336, "Santiago", "", "", -33.45694, -70.64827, 556, "CL", "Chile", "Santiago Metropolitan", 4837295,
     "America/Santiago", "PPLC"},
    {4030556, "Kiritimati", "", "", 1.98333, -157.36667, 1, "KI", "Kiribati", "Line Islands", 7369,
     "Pacific/Kiritimati", "PPL"},
    {2110425, "Nuku'alofa", "", "", -21.13938, -175.2018, 5, "TO", "Tonga", "Tongatapu", 22400, "Pacific/Tongatapu",
     "PPLC"},
};

}  // namespace

absl::Span<const Place> Places() { return kPlaces; }

std::vector<const Place*> FindPlaces(std::string_view text, bool prefix) {
  const std::string wanted = Fold(text);
  std::vector<const Place*> found;
  if (wanted.empty()) return found;
  const auto matches = [&](const char* name) {
    const std::string folded = Fold(name);
    return prefix ? folded.starts_with(wanted) : folded == wanted;
  };
  for (const Place& place : kPlaces) {
    if (matches(place.name) || matches(place.local_name)) found.push_back(&place);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Place* a, const Place* b) { return a->population > b->population; });
  return found;
}

double DistanceKm(double latitude1, double longitude1, double latitude2, double longitude2) {
  constexpr double kRadians = M_PI / 180;
  const double north = std::sin((latitude2 - latitude1) * kRadians / 2);
  const double east = std::sin((longitude2 - longitude1) * kRadians / 2);
  const double haversine =
      north * north + std::cos(latitude1 * kRadians) * std::cos(latitude2 * kRadians) * east * east;
  return 2 * kEarthRadiusKm * std::asin(std::min(1.0, std::sqrt(haversine)));
}

const Place* NearestPlace(double latitude, double longitude, double radius_km) {
  const Place* nearest = nullptr;
  for (const Place& place : kPlaces) {
    const double distance = DistanceKm(latitude, longitude, place.latitude, place.longitude);
    if (distance > radius_km) continue;
    radius_km = distance;
    nearest = &place;
  }
  return nearest;
}

std::string TimeZoneAt(double latitude, double longitude) {
  if (const Place* place = NearestPlace(latitude, longitude, kZoneRadiusKm)) return place->time_zone;
  const long hours = std::lround(longitude / 15);
  if (hours == 0) return "GMT";
  // POSIX counts west as positive.
  return hours > 0 ? absl::StrCat("Etc/GMT-", hours) : absl::StrCat("Etc/GMT+", -hours);
}

double ElevationAt(double latitude, double longitude) {
  const Place* place = NearestPlace(latitude, longitude, kElevationRadiusKm);
  return place == nullptr ? 0 : place->elevation;
}

}  // namespace stratus::sandbox
