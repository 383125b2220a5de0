// Open-Meteo: free, without a key, CC BY 4.0 (open-meteo.com/en/docs). Also the shape in which the development sandbox
// answers.
#pragma once

#include <memory>
#include <string>

#include "lib/core/clock.h"
#include "services/weather/sources/source.h"

namespace stratus::http_client {
class Client;
}

namespace stratus::weather {

struct OpenMeteoOptions {
  // Bases that `/v1/forecast` and `/v1/search` are appended to.
  std::string domain = "https://api.open-meteo.com";
  std::string geocoding_domain = "https://geocoding-api.open-meteo.com";
  // As replies call the source: `sandbox` when it is one.
  std::string name = "open-meteo";
  std::string attribution = "Weather data by Open-Meteo.com";
  std::string attribution_url = "https://open-meteo.com/";
};

// `client` and `clock` outlive the source. Texts are English alone: Open-Meteo gives codes.
std::unique_ptr<Source> MakeOpenMeteo(OpenMeteoOptions options, http_client::Client* client, const core::Clock* clock);

}  // namespace stratus::weather
