// What the WeatherService is told by its environment.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/weather/service/redis_url.h"
#include "services/weather/service/weather_core.h"
#include "services/weather/sources/source_selector.h"

namespace stratus::weather {

struct ServiceOptions {
  SourceOptions sources;
  CoreOptions core;
  std::optional<RedisAddress> redis;
  int watchers_max = 1000;
};

// Looks a variable up; nullopt when it is not set. An empty value counts as not set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

// Options from these variables:
//   OPEN_WEATHER_API_KEY                       set: OpenWeather is the source; else Open-Meteo
//   OPEN_WEATHER_DOMAIN, OPEN_WEATHER_API_VERSION
//   OPEN_METEO_DOMAIN, OPEN_METEO_GEOCODING_DOMAIN
//   STRATUS_SANDBOX_URL                        what answers in development where Open-Meteo cannot be reached
//   COORD_LATITUDE, COORD_LONGITUDE            the default place
//   REDIS_URL                                  the cache that replicas share
//   WEATHER_CACHE_SECONDS                      how long an answer is fresh, 0 to 3600; 600 by default, 0: no cache
//   WEATHER_REQUESTS_PER_MINUTE                budget of requests to the source, 0: none. By default a little under
//   what
//                                              OpenWeather's free plan and Open-Meteo allow; none at other domains
// INVALID_ARGUMENT names the variable and what is expected; it never repeats a key or REDIS_URL.
absl::StatusOr<ServiceOptions> ServiceOptionsFromEnvironment(const Environment& environment, bool development);

}  // namespace stratus::weather
