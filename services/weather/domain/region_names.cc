#include "services/weather/domain/region_names.h"

#include <unicode/locid.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "lib/core/status.h"
#include "services/weather/domain/name_fold.h"

namespace stratus::weather {
namespace {

constexpr Subdivision kSubdivisions[] = {
    {"US", "AL", "Alabama"},
    {"US", "AK", "Alaska"},
    {"US", "AZ", "Arizona"},
    {"US", "AR", "Arkansas"},
    {"US", "CA", "California"},
    {"US", "CO", "Colorado"},
    {"US", "CT", "Connecticut"},
    {"US", "DE", "Delaware"},
    {"US", "DC", "District of Columbia"},
    {"US", "FL", "Florida"},
    {"US", "GA", "Georgia"},
    {"US", "HI", "Hawaii"},
    {"US", "ID", "Idaho"},
    {"US", "IL", "Illinois"},
    {"US", "IN", "Indiana"},
    {"US", "IA", "Iowa"},
    {"US", "KS", "Kansas"},
    {"US", "KY", "Kentucky"},
    {"US", "LA", "Louisiana"},
    {"US", "ME", "Maine"},
    {"US", "MD", "Maryland"},
    {"US", "MA", "Massachusetts"},
    {"US", "MI", "Michigan"},
    {"US", "MN", "Minnesota"},
    {"US", "MS", "Mississippi"},
    {"US", "MO", "Missouri"},
    {"US", "MT", "Montana"},
    {"US", "NE", "Nebraska"},
    {"US", "NV", "Nevada"},
    {"US", "NH", "New Hampshire"},
    {"US", "NJ", "New Jersey"},
    {"US", "NM", "New Mexico"},
    {"US", "NY", "New York"},
    {"US", "NC", "North Carolina"},
    {"US", "ND", "North Dakota"},
    {"US", "OH", "Ohio"},
    {"US", "OK", "Oklahoma"},
    {"US", "OR", "Oregon"},
    {"US", "PA", "Pennsylvania"},
    {"US", "RI", "Rhode Island"},
    {"US", "SC", "South Carolina"},
    {"US", "SD", "South Dakota"},
    {"US", "TN", "Tennessee"},
    {"US", "TX", "Texas"},
    {"US", "UT", "Utah"},
    {"US", "VT", "Vermont"},
    {"US", "VA", "Virginia"},
    {"US", "WA", "Washington"},
    {"US", "WV", "West Virginia"},
    {"US", "WI", "Wisconsin"},
    {"US", "WY", "Wyoming"},
    {"CA", "AB", "Alberta"},
    {"CA", "BC", "British Columbia"},
    {"CA", "MB", "Manitoba"},
    {"CA", "NB", "New Brunswick"},
    {"CA", "NL", "Newfoundland and Labrador"},
    {"CA", "NS", "Nova Scotia"},
    {"CA", "NT", "Northwest Territories"},
    {"CA", "NU", "Nunavut"},
    {"CA", "ON", "Ontario"},
    {"CA", "PE", "Prince Edward Island"},
    {"CA", "QC", "Quebec"},
    {"CA", "SK", "Saskatchewan"},
    {"CA", "YT", "Yukon"},
    {"AU", "ACT", "Australian Capital Territory"},
    {"AU", "NSW", "New South Wales"},
    {"AU", "NT", "Northern Territory"},
    {"AU", "QLD", "Queensland"},
    {"AU", "SA", "South Australia"},
    {"AU", "TAS", "Tasmania"},
    {"AU", "VIC", "Victoria"},
    {"AU", "WA", "Western Australia"},
};

// Names in everyday use that CLDR does not give, folded.
constexpr std::pair<const char*, const char*> kOtherNames[] = {
    {"america", "US"},   {"usa", "US"},           {"united states of america", "US"},
    {"uk", "GB"},        {"great britain", "GB"}, {"czech republic", "CZ"},
    {"holland", "NL"},   {"ivory coast", "CI"},   {"korea", "KR"},
    {"burma", "MM"},     {"turkey", "TR"},        {"uae", "AE"},
    {"swaziland", "SZ"}, {"macedonia", "MK"},     {"cape verde", "CV"},
};

std::string DisplayName(const char* country, const icu::Locale& language) {
  icu::UnicodeString name;
  icu::Locale("", country).getDisplayCountry(language, name);
  std::string utf8;
  name.toUTF8String(utf8);
  return FoldName(utf8);
}

}  // namespace

std::string CountryCode(std::string_view text, std::string_view language) {
  const std::string wanted = FoldName(text);
  if (wanted.empty()) return {};
  for (const auto& [name, code] : kOtherNames) {
    if (wanted == name) return code;
  }
  const icu::Locale asked = icu::Locale::createCanonical(std::string(language).c_str());
  for (const char* const* code = icu::Locale::getISOCountries(); *code != nullptr; ++code) {
    const icu::Locale country("", *code);
    if (absl::AsciiStrToLower(*code) == wanted || absl::AsciiStrToLower(country.getISO3Country()) == wanted) {
      return *code;
    }
    if (DisplayName(*code, icu::Locale::getEnglish()) == wanted) return *code;
    if (!language.empty() && DisplayName(*code, asked) == wanted) return *code;
  }
  return {};
}

const Subdivision* FindSubdivision(std::string_view text, std::string_view country) {
  const std::string wanted = FoldName(text);
  const auto* found = std::find_if(std::begin(kSubdivisions), std::end(kSubdivisions), [&](const Subdivision& part) {
    if (!country.empty() && country != part.country) return false;
    return absl::AsciiStrToLower(part.code) == wanted || absl::AsciiStrToLower(part.name) == wanted;
  });
  return found == std::end(kSubdivisions) ? nullptr : found;
}

}  // namespace stratus::weather
