// The service's counts as metrics: stratus_weather_*.
#pragma once

#include <optional>

#include "lib/telemetry/metrics.h"
#include "services/weather/service/redis_cache.h"
#include "services/weather/service/weather_core.h"

namespace stratus::weather {

// `redis` is absent where none is configured.
void WriteMetrics(const WeatherCore::Stats& core, const std::optional<RedisCache::Stats>& redis, int watchers,
                  telemetry::Snapshot& out);

}  // namespace stratus::weather
