// OpenWeather's condition for a WMO weather code (openweathermap.org/weather-conditions).
#pragma once

#include <string>
#include <string_view>

namespace stratus::sandbox {

struct OpenWeatherCondition {
  int id;
  const char* main;
  const char* description;             // English
  const char* vietnamese_description;  // lang=vi
  const char* icon;                    // without the letter for day or night

  std::string_view DescriptionIn(std::string_view language) const {
    return language == "vi" ? vietnamese_description : description;
  }
};

const OpenWeatherCondition& OpenWeatherConditionOf(int wmo_code);

}  // namespace stratus::sandbox
