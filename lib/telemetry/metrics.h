// Metrics in Prometheus' text format. One Metrics a process, made in main and handed down.
//
//   telemetry::Metrics metrics;
//   auto calls = metrics.NewCounter("stratus_calls_total", "Calls that ended.", {"method", "code"});
//   calls->Increment({"/pkg.Service/Method", "OK"});
//
//   // What a component counts by itself is read when someone asks:
//   auto source = metrics.AddSource([&client](telemetry::Snapshot& out) {
//     const auto stats = client.stats();
//     out.Counter("stratus_http_client_retries_total", "Retries sent.", stats.retries);
//     out.Gauge("stratus_http_client_in_flight", "Requests under way.", stats.in_flight);
//   });
//
// Label values are bounded: past `series_max` combinations a metric counts the rest under "other". Never put in a
// token, a path as a caller wrote it, or anything else that callers can make up at will.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stratus::telemetry {

using LabelNames = std::vector<std::string>;
// As many values as the metric has label names, in their order.
using LabelValues = std::initializer_list<std::string_view>;

// Each of these is safe from any thread and may outlive neither its Metrics nor, for a source, what it reads.
class CounterMetric {
 public:
  virtual ~CounterMetric() = default;
  virtual void Increment(LabelValues labels, double by = 1) = 0;
};

class GaugeMetric {
 public:
  virtual ~GaugeMetric() = default;
  virtual void Set(LabelValues labels, double value) = 0;
  virtual void Add(LabelValues labels, double by) = 0;
};

class HistogramMetric {
 public:
  virtual ~HistogramMetric() = default;
  virtual void Observe(LabelValues labels, double value) = 0;
};

// What a source adds to one scrape. Samples of one name must share help and type.
class Snapshot {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;

  virtual ~Snapshot() = default;
  virtual void Counter(std::string_view name, std::string_view help, double value, Labels labels = {}) = 0;
  virtual void Gauge(std::string_view name, std::string_view help, double value, Labels labels = {}) = 0;
  // `counts`: of each bucket by itself, one more than there are `bounds`; `sum`: of all values observed.
  virtual void Histogram(std::string_view name, std::string_view help, const std::vector<double>& bounds,
                         const std::vector<uint64_t>& counts, double sum, Labels labels = {}) = 0;
};

// Upper bounds for latencies in seconds: 100 µs to 30 s.
std::vector<double> LatencyBuckets();

class Metrics {
 public:
  static constexpr size_t kSeriesMax = 500;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Names follow Prometheus' rules (`_total` for counters, `_seconds` for times): a bad or doubled name ends the
  // program.
  std::unique_ptr<CounterMetric> NewCounter(std::string name, std::string help, LabelNames labels = {},
                                            size_t series_max = kSeriesMax);
  std::unique_ptr<GaugeMetric> NewGauge(std::string name, std::string help, LabelNames labels = {},
                                        size_t series_max = kSeriesMax);
  std::unique_ptr<HistogramMetric> NewHistogram(std::string name, std::string help, std::vector<double> buckets,
                                                LabelNames labels = {}, size_t series_max = kSeriesMax);

  // Calls `source` at each scrape, one scrape at a time, until the registration is destroyed (which waits for a scrape
  // that is under way). `source` must not block, nor destroy a registration.
  class Registration;
  [[nodiscard]] std::unique_ptr<Registration> AddSource(std::function<void(Snapshot&)> source);

  // Everything, in the text format 0.0.4.
  std::string Scrape() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

class Metrics::Registration {
 public:
  ~Registration();
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

 private:
  friend class Metrics;
  Registration(State* state, uint64_t id) : state_(state), id_(id) {}
  State* const state_;
  const uint64_t id_;
};

}  // namespace stratus::telemetry
