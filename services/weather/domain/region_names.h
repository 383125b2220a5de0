// Countries and their parts as people write them behind a city's name: `France`, `FR`, `TX`, `D.C.`.
#pragma once

#include <string>
#include <string_view>

namespace stratus::weather {

// The ISO 3166-1 alpha-2 code, in upper case, of a country given by its code (two or three letters), or by its name in
// English or in `language` (BCP 47; names are CLDR's). Accents and case do not matter. Empty when there is none.
std::string CountryCode(std::string_view text, std::string_view language);

// A part of a country whose postal code people use in place of its name.
struct Subdivision {
  const char* country;  // ISO 3166-1 alpha-2
  const char* code;     // ISO 3166-2 without the country
  const char* name;     // in English, as geocoders have it
};

// By code or English name, of the United States, Canada and Australia, those whose codes are in common use. Null when
// there is none, or when it is of another country than `country`, unless that is empty.
const Subdivision* FindSubdivision(std::string_view text, std::string_view country = {});

}  // namespace stratus::weather
