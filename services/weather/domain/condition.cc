#include "services/weather/domain/condition.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace stratus::weather {
namespace {

using Kind = v1::Condition::Kind;

struct WmoCode {
  int code;
  Kind kind;
  const char* text;
  const char* icon;
};

constexpr WmoCode kWmoCodes[] = {
    {0, v1::Condition::KIND_CLEAR, "Clear sky", "01"},
    {1, v1::Condition::KIND_PARTLY_CLOUDY, "Mainly clear", "02"},
    {2, v1::Condition::KIND_PARTLY_CLOUDY, "Partly cloudy", "03"},
    {3, v1::Condition::KIND_CLOUDY, "Overcast", "04"},
    {45, v1::Condition::KIND_FOG, "Fog", "50"},
    {48, v1::Condition::KIND_FOG, "Depositing rime fog", "50"},
    {51, v1::Condition::KIND_DRIZZLE, "Light drizzle", "09"},
    {53, v1::Condition::KIND_DRIZZLE, "Moderate drizzle", "09"},
    {55, v1::Condition::KIND_DRIZZLE, "Dense drizzle", "09"},
    {56, v1::Condition::KIND_FREEZING_RAIN, "Light freezing drizzle", "13"},
    {57, v1::Condition::KIND_FREEZING_RAIN, "Dense freezing drizzle", "13"},
    {61, v1::Condition::KIND_RAIN, "Slight rain", "10"},
    {63, v1::Condition::KIND_RAIN, "Moderate rain", "10"},
    {65, v1::Condition::KIND_RAIN, "Heavy rain", "10"},
    {66, v1::Condition::KIND_FREEZING_RAIN, "Light freezing rain", "13"},
    {67, v1::Condition::KIND_FREEZING_RAIN, "Heavy freezing rain", "13"},
    {71, v1::Condition::KIND_SNOW, "Slight snowfall", "13"},
    {73, v1::Condition::KIND_SNOW, "Moderate snowfall", "13"},
    {75, v1::Condition::KIND_SNOW, "Heavy snowfall", "13"},
    {77, v1::Condition::KIND_SNOW, "Snow grains", "13"},
    {80, v1::Condition::KIND_RAIN_SHOWERS, "Slight rain showers", "09"},
    {81, v1::Condition::KIND_RAIN_SHOWERS, "Moderate rain showers", "09"},
    {82, v1::Condition::KIND_RAIN_SHOWERS, "Violent rain showers", "09"},
    {85, v1::Condition::KIND_SNOW_SHOWERS, "Slight snow showers", "13"},
    {86, v1::Condition::KIND_SNOW_SHOWERS, "Heavy snow showers", "13"},
    {95, v1::Condition::KIND_THUNDERSTORM, "Thunderstorm", "11"},
    {96, v1::Condition::KIND_THUNDERSTORM, "Thunderstorm with slight hail", "11"},
    {99, v1::Condition::KIND_THUNDERSTORM, "Thunderstorm with heavy hail", "11"},
};

struct IdRange {
  int first;
  int last;
  Kind kind;
  const char* icon;
};

constexpr IdRange kOpenWeatherIds[] = {
    {200, 232, v1::Condition::KIND_THUNDERSTORM, "11"},  {300, 321, v1::Condition::KIND_DRIZZLE, "09"},
    {500, 504, v1::Condition::KIND_RAIN, "10"},          {511, 511, v1::Condition::KIND_FREEZING_RAIN, "13"},
    {520, 531, v1::Condition::KIND_RAIN_SHOWERS, "09"},  {600, 616, v1::Condition::KIND_SNOW, "13"},
    {620, 622, v1::Condition::KIND_SNOW_SHOWERS, "13"},  {701, 762, v1::Condition::KIND_FOG, "50"},
    {771, 781, v1::Condition::KIND_STORM, "50"},         {800, 800, v1::Condition::KIND_CLEAR, "01"},
    {801, 801, v1::Condition::KIND_PARTLY_CLOUDY, "02"}, {802, 802, v1::Condition::KIND_PARTLY_CLOUDY, "03"},
    {803, 804, v1::Condition::KIND_CLOUDY, "04"},
};

}  // namespace

Sky SkyFromWmo(int code) {
  const auto* found = std::find_if(std::begin(kWmoCodes), std::end(kWmoCodes),
                                   [code](const WmoCode& entry) { return entry.code == code; });
  if (found == std::end(kWmoCodes)) return {.source_code = code, .text = absl::StrCat("Weather code ", code)};
  return {found->kind, code, found->text, found->icon};
}

Sky SkyFromOpenWeather(int id, std::string text) {
  const auto* found = std::find_if(std::begin(kOpenWeatherIds), std::end(kOpenWeatherIds),
                                   [id](const IdRange& range) { return range.first <= id && id <= range.last; });
  if (found == std::end(kOpenWeatherIds)) return {.source_code = id, .text = std::move(text)};
  return {found->kind, id, std::move(text), found->icon};
}

std::string IconName(const Sky& sky, bool is_day) {
  return sky.icon.empty() ? std::string() : absl::StrCat(sky.icon, is_day ? "d" : "n");
}

int Severity(v1::Condition::Kind kind) {
  constexpr std::array kAscending = {
      v1::Condition::KIND_UNSPECIFIED,  v1::Condition::KIND_CLEAR,         v1::Condition::KIND_PARTLY_CLOUDY,
      v1::Condition::KIND_CLOUDY,       v1::Condition::KIND_FOG,           v1::Condition::KIND_DRIZZLE,
      v1::Condition::KIND_RAIN_SHOWERS, v1::Condition::KIND_RAIN,          v1::Condition::KIND_SNOW_SHOWERS,
      v1::Condition::KIND_SNOW,         v1::Condition::KIND_FREEZING_RAIN, v1::Condition::KIND_THUNDERSTORM,
      v1::Condition::KIND_STORM};
  const auto found = std::find(kAscending.begin(), kAscending.end(), kind);
  return found == kAscending.end() ? 0 : static_cast<int>(found - kAscending.begin());
}

}  // namespace stratus::weather
