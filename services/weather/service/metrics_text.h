// The service's counters in Prometheus's text format.
#pragma once

#include <optional>
#include <string>

#include "services/weather/service/redis_cache.h"
#include "services/weather/service/weather_core.h"

namespace stratus::weather {

// `redis` is absent where none is configured.
std::string MetricsText(const WeatherCore::Stats& core, const std::optional<RedisCache::Stats>& redis, int watchers);

}  // namespace stratus::weather
