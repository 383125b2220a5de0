#include "services/weather/domain/time_zone.h"

#include <sys/stat.h>
#include <cmath>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/core/status.h"

namespace stratus::weather {
namespace {

constexpr size_t kNameLengthMax = 64;

bool IsPlainName(std::string_view name) {
  if (name.empty() || name.size() > kNameLengthMax || !absl::ascii_isalpha(static_cast<unsigned char>(name[0]))) {
    return false;
  }
  // `right/` counts leap seconds, which no clock here does; `posix/` repeats the others.
  const absl::string_view text = core::ToAbsl(name);
  if (absl::StartsWith(text, "right/") || absl::StartsWith(text, "posix")) return false;
  if (text == "localtime") return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '/' || c == '_' || c == '-' || c == '+';
  });
}

bool HasTzdataFile(std::string_view name) {
  const char* root = std::getenv("TZDIR");
  struct stat info {};
  const std::string path =
      absl::StrCat(root != nullptr && *root != '\0' ? root : "/usr/share/zoneinfo", "/", core::ToAbsl(name));
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

}  // namespace

std::optional<absl::TimeZone> FindTimeZone(std::string_view name) {
  if (name == "UTC") return absl::UTCTimeZone();
  if (!IsPlainName(name) || !HasTzdataFile(name)) return std::nullopt;
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(core::ToAbsl(name), &zone)) return std::nullopt;
  return zone;
}

absl::Duration SolarOffset(double longitude_degrees) { return absl::Hours(std::lround(longitude_degrees / 15)); }

std::string OffsetName(absl::Duration utc_offset) {
  const int64_t minutes = absl::ToInt64Minutes(utc_offset);
  const int64_t magnitude = std::abs(minutes);
  return absl::StrFormat("UTC%c%02d:%02d", minutes < 0 ? '-' : '+', magnitude / 60, magnitude % 60);
}

absl::TimeZone OffsetZone(absl::Duration utc_offset) {
  // Whole minutes, as zones are today: absl keeps every offset it was ever asked for.
  return absl::FixedTimeZone(static_cast<int>(absl::ToInt64Minutes(utc_offset)) * 60);
}

}  // namespace stratus::weather
