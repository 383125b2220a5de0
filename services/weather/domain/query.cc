#include "services/weather/domain/query.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"
#include "services/weather/domain/time_zone.h"

namespace stratus::weather {
namespace {

constexpr size_t kPlaceCharactersMax = 120;
constexpr size_t kSearchCharactersMin = 2;
constexpr size_t kLanguageBytesMax = 35;  // RFC 5646, 4.4.1
constexpr size_t kShownBytesMax = 40;
constexpr int kForecastDaysMax = 7;
constexpr int kPageSizeMax = 50;
constexpr absl::Duration kMinIntervalMin = absl::Seconds(1);
constexpr absl::Duration kMinIntervalMax = absl::Hours(1);

// Collects violations under a prefix: `weather.` for the request inside a watch.
class Checker {
 public:
  explicit Checker(std::string_view prefix = "") : prefix_(prefix) {}

  void Add(std::string_view field, std::string_view description) {
    violations_.Add(absl::StrCat(prefix_, core::ToAbsl(field)), description);
  }
  void set_prefix(std::string_view prefix) { prefix_ = std::string(prefix); }
  absl::Status ToStatus() const { return violations_.ToStatus(); }

 private:
  std::string prefix_;
  core::FieldViolations violations_;
};

// A caller's text as an error may repeat it: short and printable.
std::string Shown(std::string_view text) {
  std::string shown;
  for (const unsigned char c : text.substr(0, kShownBytesMax))
    shown += absl::ascii_isprint(c) ? static_cast<char>(c) : '?';
  if (text.size() > kShownBytesMax) shown += "...";
  return absl::StrCat("`", shown, "`");
}

size_t Characters(std::string_view utf8) {
  return static_cast<size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}

bool HasControls(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

std::string Trimmed(const std::string& text) { return std::string(absl::StripAsciiWhitespace(text)); }

void CheckDegrees(double value, double limit, std::string_view field, Checker& checker) {
  // Written so that NaN fails too.
  if (std::abs(value) <= limit) return;
  checker.Add(field, absl::StrCat("must be from -", limit, " to ", limit, " degrees, is ", value));
}

std::string CheckPlaceName(const std::string& name, std::string_view field, Checker& checker) {
  std::string place = Trimmed(name);
  if (place.empty()) {
    checker.Add(field, "must not be blank");
  } else if (Characters(place) > kPlaceCharactersMax) {
    checker.Add(field, absl::StrCat("must have at most ", kPlaceCharactersMax, " characters, has ", Characters(place)));
  } else if (HasControls(place)) {
    checker.Add(field, "must not hold control characters");
  }
  return place;
}

struct CoordinateFields {
  std::optional<double> latitude{};
  std::optional<double> longitude{};
  std::string_view latitude_name{};
  std::string_view longitude_name{};
};

std::optional<Coordinates> CheckCoordinates(const CoordinateFields& given, Checker& checker) {
  if (given.latitude) CheckDegrees(*given.latitude, 90, given.latitude_name, checker);
  if (given.longitude) CheckDegrees(*given.longitude, 180, given.longitude_name, checker);
  if (given.latitude && !given.longitude) {
    checker.Add(given.longitude_name, absl::StrCat("is missing: needed beside ", core::ToAbsl(given.latitude_name)));
  }
  if (given.longitude && !given.latitude) {
    checker.Add(given.latitude_name, absl::StrCat("is missing: needed beside ", core::ToAbsl(given.longitude_name)));
  }
  if (!given.latitude || !given.longitude) return std::nullopt;
  return Coordinates{*given.latitude, *given.longitude};
}

// Reads location, lat, lon and q, which every request about one place has.
template <typename Request>
Where CheckWhere(const Request& request, Checker& checker) {
  Where where;
  const v1::Location& location = request.location();
  const bool has_location = location.has_latitude() || location.has_longitude() || !location.place().empty();
  const bool has_short = request.has_lat() || request.has_lon();
  if (has_location && has_short) {
    checker.Add(request.has_lat() ? "lat" : "lon", "must not be given together with location");
  }
  if (!request.q().empty() && (has_location || has_short)) {
    checker.Add("q", absl::StrCat("must not be given together with ", has_location ? "location" : "lat and lon"));
  }
  CoordinateFields given{.latitude_name = "location.latitude", .longitude_name = "location.longitude"};
  if (location.has_latitude()) given.latitude = location.latitude();
  if (location.has_longitude()) given.longitude = location.longitude();
  where.coordinates = CheckCoordinates(given, checker);
  if (!location.place().empty()) {
    where.place = CheckPlaceName(location.place(), "location.place", checker);
    if (given.latitude || given.longitude) {
      checker.Add("location.place", "must not be given together with location.latitude and location.longitude");
    }
  }
  if (has_short) {
    CoordinateFields brief{.latitude_name = "lat", .longitude_name = "lon"};
    if (request.has_lat()) brief.latitude = request.lat();
    if (request.has_lon()) brief.longitude = request.lon();
    where.coordinates = CheckCoordinates(brief, checker);
  }
  if (!request.q().empty()) where.place = CheckPlaceName(request.q(), "q", checker);
  return where;
}

// A language tag by its form alone: what a source does not have falls back to English, and the reply says so.
void CheckLanguage(const std::string& tag, Checker& checker) {
  if (tag.empty()) return;
  const auto is_letter = [](unsigned char c) { return absl::ascii_isalpha(c); };
  const auto is_letter_or_digit = [](unsigned char c) { return absl::ascii_isalnum(c); };
  bool good = tag.size() <= kLanguageBytesMax;
  bool first = true;
  for (const absl::string_view part : absl::StrSplit(tag, '-')) {
    const size_t length_max = first ? 3 : 8;
    const size_t length_min = first ? 2 : 1;
    good = good && part.size() >= length_min && part.size() <= length_max &&
           (first ? std::all_of(part.begin(), part.end(), is_letter)
                  : std::all_of(part.begin(), part.end(), is_letter_or_digit));
    first = false;
  }
  if (!good) checker.Add("language", absl::StrCat("must be a BCP 47 tag such as `en` or `pt-BR`, is ", Shown(tag)));
}

// Unknown numbers reach an open enum as they are: they must not pass for a unit.
template <typename Enum>
void OverrideUnit(Enum wanted, bool known, std::string_view field, Enum& unit, Checker& checker) {
  if (static_cast<int>(wanted) == 0) return;
  if (!known) {
    checker.Add(absl::StrCat("unit_options.", core::ToAbsl(field)).c_str(),
                absl::StrCat("is not a known unit: ", static_cast<int>(wanted)));
    return;
  }
  unit = wanted;
}

Units CheckUnits(const std::string& system, const v1::UnitOptions& options, Checker& checker) {
  const std::optional<Units> named = UnitSystem(system);
  if (!named) {
    checker.Add("units", absl::StrCat("must be `metric`, `imperial` or `standard`, is ", Shown(system)));
  }
  Units units = named.value_or(Units{});
  OverrideUnit(options.temperature(), v1::TemperatureUnit_IsValid(options.temperature()), "temperature",
               units.temperature, checker);
  OverrideUnit(options.wind_speed(), v1::SpeedUnit_IsValid(options.wind_speed()), "wind_speed", units.wind_speed,
               checker);
  OverrideUnit(options.pressure(), v1::PressureUnit_IsValid(options.pressure()), "pressure", units.pressure, checker);
  OverrideUnit(options.precipitation(), v1::LengthUnit_IsValid(options.precipitation()), "precipitation",
               units.precipitation, checker);
  OverrideUnit(options.visibility(), v1::DistanceUnit_IsValid(options.visibility()), "visibility", units.visibility,
               checker);
  return units;
}

template <typename Request>
View CheckView(const Request& request, Checker& checker) {
  View view;
  view.units = CheckUnits(request.units(), request.unit_options(), checker);
  if (request.time_zone().empty()) return view;
  view.zone = FindTimeZone(request.time_zone());
  view.time_zone = request.time_zone();
  if (!view.zone) {
    checker.Add("time_zone",
                absl::StrCat("must be an IANA zone such as `Asia/Ho_Chi_Minh`, is ", Shown(request.time_zone())));
  }
  return view;
}

Sections CheckSections(const v1::GetTodayWeatherRequest& request, Checker& checker) {
  if (request.sections().empty()) return {};
  Sections sections{false, false, false};
  for (int i = 0; i < request.sections_size(); ++i) {
    const std::string field = absl::StrCat("sections[", i, "]");
    bool* section = nullptr;
    switch (request.sections(i)) {
      case v1::SECTION_CURRENT: section = &sections.current; break;
      case v1::SECTION_DAY: section = &sections.day; break;
      case v1::SECTION_HOURS: section = &sections.hours; break;
      default: break;
    }
    if (section == nullptr) {
      checker.Add(field, "must be SECTION_CURRENT, SECTION_DAY or SECTION_HOURS");
    } else if (std::exchange(*section, true)) {
      checker.Add(field, absl::StrCat("repeats ", v1::Section_Name(request.sections(i))));
    }
  }
  return sections;
}

TodayQuery ReadToday(const v1::GetTodayWeatherRequest& request, Checker& checker) {
  TodayQuery query;
  query.where = CheckWhere(request, checker);
  CheckLanguage(request.language(), checker);
  query.language = request.language();
  query.view = CheckView(request, checker);
  query.sections = CheckSections(request, checker);
  return query;
}

template <typename Query>
absl::StatusOr<Query> Finish(Query query, const Checker& checker) {
  if (absl::Status status = checker.ToStatus(); !status.ok()) return status;
  return query;
}

// INT64-safe: an absurd Duration is out of range, not an overflow.
std::optional<absl::Duration> ReadDuration(const google::protobuf::Duration& duration) {
  if (duration.seconds() < 0 || duration.seconds() > absl::ToInt64Seconds(absl::Hours(24)) || duration.nanos() < 0 ||
      duration.nanos() > 999'999'999) {
    return std::nullopt;
  }
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

}  // namespace

absl::StatusOr<TodayQuery> CheckToday(const v1::GetTodayWeatherRequest& request) {
  Checker checker;
  TodayQuery query = ReadToday(request, checker);
  return Finish(std::move(query), checker);
}

absl::StatusOr<ForecastQuery> CheckForecast(const v1::GetForecastRequest& request) {
  Checker checker;
  ForecastQuery query;
  query.where = CheckWhere(request, checker);
  CheckLanguage(request.language(), checker);
  query.language = request.language();
  query.view = CheckView(request, checker);
  if (!v1::GetForecastRequest::Step_IsValid(request.step())) checker.Add("step", "must be STEP_HOURLY or STEP_DAILY");
  query.daily = request.step() == v1::GetForecastRequest::STEP_DAILY;
  if (request.days() < 0 || request.days() > kForecastDaysMax) {
    checker.Add("days", absl::StrCat("must be from 1 to ", kForecastDaysMax, ", is ", request.days()));
  }
  query.days = request.days() == 0 ? kForecastDaysMax : request.days();
  return Finish(std::move(query), checker);
}

absl::StatusOr<PlacesQuery> CheckPlaces(const v1::SearchPlacesRequest& request) {
  Checker checker;
  PlacesQuery query;
  query.text = Trimmed(request.query());
  const size_t characters = Characters(query.text);
  if (characters < kSearchCharactersMin || characters > kPlaceCharactersMax) {
    checker.Add("query", absl::StrCat("must have from ", kSearchCharactersMin, " to ", kPlaceCharactersMax,
                                      " characters, has ", characters));
  } else if (HasControls(query.text)) {
    checker.Add("query", "must not hold control characters");
  }
  if (request.page_size() < 0 || request.page_size() > kPageSizeMax) {
    checker.Add("page_size", absl::StrCat("must be from 1 to ", kPageSizeMax, ", is ", request.page_size()));
  }
  if (request.page_size() != 0) query.page_size = request.page_size();
  CheckLanguage(request.language(), checker);
  query.language = request.language();
  return Finish(std::move(query), checker);
}

absl::StatusOr<WatchQuery> CheckWatch(const v1::WatchWeatherRequest& request) {
  Checker checker("weather.");
  WatchQuery query;
  query.today = ReadToday(request.weather(), checker);
  checker.set_prefix("");
  if (request.has_min_interval()) {
    const std::optional<absl::Duration> interval = ReadDuration(request.min_interval());
    if (!interval || *interval < kMinIntervalMin || *interval > kMinIntervalMax) {
      checker.Add("min_interval", "must be from 1s to 3600s");
    } else {
      query.min_interval = *interval;
    }
  }
  return Finish(std::move(query), checker);
}

absl::StatusOr<RawQuery> CheckRaw(const v1::GetOpenWeatherRequest& request) {
  Checker checker;
  RawQuery query;
  query.where = CheckWhere(request, checker);
  CheckLanguage(request.language(), checker);
  query.language = request.language();
  query.units = request.units().empty() ? "standard" : request.units();
  if (!UnitSystem(query.units)) {
    checker.Add("units", absl::StrCat("must be `metric`, `imperial` or `standard`, is ", Shown(query.units)));
  }
  return Finish(std::move(query), checker);
}

}  // namespace stratus::weather
