#include "services/weather/service/weather_metrics.h"

#include <utility>

namespace stratus::weather {
namespace {

using telemetry::Snapshot;

double Number(uint64_t count) { return static_cast<double>(count); }

void WriteCache(const char* name, const FlightCacheStats& stats, Snapshot& out) {
  const std::pair<const char*, uint64_t> results[] = {{"fresh", stats.hits},
                                                      {"refreshing", stats.refreshing},
                                                      {"stale", stats.stale},
                                                      {"joined", stats.joined},
                                                      {"error", stats.errors}};
  for (const auto& [result, count] : results) {
    out.Counter("stratus_weather_cache_answers_total", "Answers by cache and by how it had them.", Number(count),
                {{"cache", name}, {"result", result}});
  }
  constexpr char kFetches[] = "stratus_weather_fetches_total";
  constexpr char kFetchesHelp[] = "Fetches behind a cache.";
  out.Counter(kFetches, kFetchesHelp, Number(stats.failures), {{"cache", name}, {"result", "failed"}});
  out.Counter(kFetches, kFetchesHelp, Number(stats.fetches - stats.failures),
              {{"cache", name}, {"result", "succeeded"}});
  out.Gauge("stratus_weather_cache_entries", "Entries held.", Number(stats.entries), {{"cache", name}});
}

void WriteRedis(const RedisCache::Stats& redis, Snapshot& out) {
  const std::pair<const char*, uint64_t> results[] = {{"hit", redis.hits},
                                                      {"miss", redis.misses},
                                                      {"stored", redis.stores},
                                                      {"dropped", redis.dropped},
                                                      {"failed", redis.failures}};
  for (const auto& [result, count] : results) {
    out.Counter("stratus_weather_redis_operations_total", "Operations on the shared cache.", Number(count),
                {{"result", result}});
  }
  out.Gauge("stratus_weather_redis_queued", "Operations that wait for Redis.", Number(redis.queued));
  out.Gauge("stratus_weather_redis_connected", "Whether Redis can be reached.", redis.connected ? 1 : 0);
}

}  // namespace

void WriteMetrics(const WeatherCore::Stats& core, const std::optional<RedisCache::Stats>& redis, int watchers,
                  telemetry::Snapshot& out) {
  WriteCache("reports", core.reports, out);
  WriteCache("places", core.places, out);
  WriteCache("raw", core.raw, out);
  out.Gauge("stratus_weather_source", "1 for the source that answers now.", 1, {{"source", std::string(core.source)}});
  out.Gauge("stratus_weather_watchers", "Streams that follow the weather.", watchers);
  if (redis) WriteRedis(*redis, out);
}

}  // namespace stratus::weather
