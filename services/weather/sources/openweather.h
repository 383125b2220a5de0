// OpenWeather 2.5 with a key of one's own: /weather and /forecast for a report, /geo/1.0/direct for names.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "lib/core/clock.h"
#include "services/weather/sources/source.h"

namespace stratus::http_client {
class Client;
}

namespace stratus::weather {

struct OpenWeatherOptions {
  std::string domain = "https://api.openweathermap.org/data";
  std::string api_version = "2.5";
  std::string api_key;  // never leaves in an error or a log
};

// `client` and `clock` outlive the source.
std::unique_ptr<Source> MakeOpenWeather(OpenWeatherOptions options, http_client::Client* client,
                                        const core::Clock* clock);

}  // namespace stratus::weather
