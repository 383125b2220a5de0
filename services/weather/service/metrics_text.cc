#include "services/weather/service/metrics_text.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <utility>
#include <vector>

namespace stratus::weather {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

class Families {
 public:
  void Add(const std::string& name, const std::string& help, MetricType type,
           const std::vector<std::pair<std::vector<ClientMetric::Label>, double>>& values) {
    MetricFamily family{.name = name, .help = help, .type = type, .metric = {}};
    for (const auto& [labels, value] : values) {
      ClientMetric metric;
      metric.label = labels;
      (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
      family.metric.push_back(std::move(metric));
    }
    families_.push_back(std::move(family));
  }
  std::string Text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  std::vector<MetricFamily> families_;
};

void AddCaches(const WeatherCore::Stats& core, Families* families) {
  const std::pair<const char*, const FlightCacheStats*> caches[] = {
      {"reports", &core.reports}, {"places", &core.places}, {"raw", &core.raw}};
  std::vector<std::pair<std::vector<ClientMetric::Label>, double>> served, fetches, entries;
  for (const auto& [name, stats] : caches) {
    const std::pair<const char*, uint64_t> results[] = {{"fresh", stats->hits},
                                                        {"refreshing", stats->refreshing},
                                                        {"stale", stats->stale},
                                                        {"joined", stats->joined},
                                                        {"error", stats->errors}};
    for (const auto& [result, count] : results) {
      served.push_back({{{"cache", name}, {"result", result}}, static_cast<double>(count)});
    }
    fetches.push_back({{{"cache", name}, {"result", "failed"}}, static_cast<double>(stats->failures)});
    fetches.push_back(
        {{{"cache", name}, {"result", "succeeded"}}, static_cast<double>(stats->fetches - stats->failures)});
    entries.push_back({{{"cache", name}}, static_cast<double>(stats->entries)});
  }
  families->Add("stratus_weather_cache_answers_total", "Answers by cache and by how it had them", MetricType::Counter,
                served);
  families->Add("stratus_weather_fetches_total", "Fetches behind a cache", MetricType::Counter, fetches);
  families->Add("stratus_weather_cache_entries", "Entries held", MetricType::Gauge, entries);
}

void AddRedis(const RedisCache::Stats& redis, Families* families) {
  families->Add("stratus_weather_redis_operations_total", "Operations on the shared cache", MetricType::Counter,
                {{{{"result", "hit"}}, static_cast<double>(redis.hits)},
                 {{{"result", "miss"}}, static_cast<double>(redis.misses)},
                 {{{"result", "stored"}}, static_cast<double>(redis.stores)},
                 {{{"result", "dropped"}}, static_cast<double>(redis.dropped)},
                 {{{"result", "failed"}}, static_cast<double>(redis.failures)}});
  families->Add("stratus_weather_redis_connected", "Whether Redis can be reached", MetricType::Gauge,
                {{{}, redis.connected ? 1.0 : 0.0}});
}

}  // namespace

std::string MetricsText(const WeatherCore::Stats& core, const std::optional<RedisCache::Stats>& redis, int watchers) {
  Families families;
  AddCaches(core, &families);
  families.Add("stratus_weather_source", "1 for the source that answers now", MetricType::Gauge,
               {{{{"source", core.source}}, 1.0}});
  families.Add("stratus_weather_watchers", "Streams that follow the weather", MetricType::Gauge,
               {{{}, static_cast<double>(watchers)}});
  if (redis) AddRedis(*redis, &families);
  return families.Text();
}

}  // namespace stratus::weather
