// Weather codes of the sources, as one set of conditions.
#pragma once

#include <string>

#include "services/weather/domain/model.h"

namespace stratus::weather {

// From a WMO 4677 present-weather code, the subset that Open-Meteo uses (open-meteo.com/en/docs). The text is English.
// An unknown code keeps its number, has no kind and no icon, and says so in its text.
Sky SkyFromWmo(int code);

// From an OpenWeather condition id (openweathermap.org/weather-conditions) and the text that came with it.
Sky SkyFromOpenWeather(int id, std::string text);

// OpenWeather's icon name with `d` or `n`; empty without an icon. The letter follows the sun, never the source.
std::string IconName(const Sky& sky, bool is_day);

// Higher is worse, from clear sky up to tornado. 0 for an unknown kind.
int Severity(v1::Condition::Kind kind);

}  // namespace stratus::weather
