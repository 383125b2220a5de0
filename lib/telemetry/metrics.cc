#include "lib/telemetry/metrics.h"

#include <limits>
#include <map>
#include <sstream>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "lib/core/mutex.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "prometheus/text_serializer.h"

namespace stratus::telemetry {
namespace {

// The series of one metric by their label values, no more than `max` of them and one for the rest.
template <typename Series>
class SeriesTable {
 public:
  using Make = std::function<Series&(const prometheus::Labels&)>;

  SeriesTable(LabelNames names, size_t max, Make make) : names_(std::move(names)), max_(max), make_(std::move(make)) {}

  Series& Find(LabelValues values) {
    std::string key;
    for (std::string_view value : values) key.append(value).push_back('\xff');  // never a byte of UTF-8
    core::MutexLock lock(mutex_);
    if (const auto found = series_.find(key); found != series_.end()) return *found->second;
    if (series_.size() >= max_) {
      if (rest_ == nullptr) rest_ = &make_(Label(std::vector<std::string_view>(names_.size(), "other")));
      return *rest_;
    }
    return *series_.emplace(std::move(key), &make_(Label(values))).first->second;
  }

 private:
  prometheus::Labels Label(const std::vector<std::string_view>& values) const {
    prometheus::Labels labels;
    for (size_t i = 0; i < names_.size(); ++i) labels.emplace(names_[i], values.at(i));
    return labels;
  }

  const LabelNames names_;
  const size_t max_;
  const Make make_;
  core::Mutex mutex_;
  absl::flat_hash_map<std::string, Series*> series_ ABSL_GUARDED_BY(mutex_);
  Series* rest_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

class CounterOf final : public CounterMetric {
 public:
  CounterOf(prometheus::Family<prometheus::Counter>& family, LabelNames names, size_t max)
      : table_(
            std::move(names),
            max, [&family](const prometheus::Labels& labels) -> auto& { return family.Add(labels); }) {}
  void Increment(LabelValues labels, double by) override { table_.Find(labels).Increment(by); }

 private:
  SeriesTable<prometheus::Counter> table_;
};

class GaugeOf final : public GaugeMetric {
 public:
  GaugeOf(prometheus::Family<prometheus::Gauge>& family, LabelNames names, size_t max)
      : table_(
            std::move(names),
            max, [&family](const prometheus::Labels& labels) -> auto& { return family.Add(labels); }) {}
  void Set(LabelValues labels, double value) override { table_.Find(labels).Set(value); }
  void Add(LabelValues labels, double by) override { table_.Find(labels).Increment(by); }

 private:
  SeriesTable<prometheus::Gauge> table_;
};

class HistogramOf final : public HistogramMetric {
 public:
  HistogramOf(prometheus::Family<prometheus::Histogram>& family, std::vector<double> buckets, LabelNames names,
              size_t max)
      : table_(
            std::move(names), max, [&family, buckets = std::move(buckets) ](const prometheus::Labels& labels) -> auto& {
              return family.Add(labels, prometheus::Histogram::BucketBoundaries(buckets));
            }) {}
  void Observe(LabelValues labels, double value) override { table_.Find(labels).Observe(value); }

 private:
  SeriesTable<prometheus::Histogram> table_;
};

class Families final : public Snapshot {
 public:
  void Counter(std::string_view name, std::string_view help, double value, Labels labels) override {
    Add(prometheus::MetricType::Counter, name, help, std::move(labels)).counter.value = value;
  }
  void Gauge(std::string_view name, std::string_view help, double value, Labels labels) override {
    Add(prometheus::MetricType::Gauge, name, help, std::move(labels)).gauge.value = value;
  }
  void Histogram(std::string_view name, std::string_view help, const std::vector<double>& bounds,
                 const std::vector<uint64_t>& counts, double sum, Labels labels) override {
    prometheus::ClientMetric::Histogram& histogram =
        Add(prometheus::MetricType::Histogram, name, help, std::move(labels)).histogram;
    for (size_t i = 0; i < counts.size(); ++i) {
      histogram.sample_count += counts[i];
      const double bound = i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
      histogram.bucket.push_back({histogram.sample_count, bound});
    }
    histogram.sample_sum = sum;
  }
  void MoveTo(std::vector<prometheus::MetricFamily>* out) {
    for (auto& [name, family] : families_) out->push_back(std::move(family));
  }

 private:
  prometheus::ClientMetric& Add(prometheus::MetricType type, std::string_view name, std::string_view help,
                                Labels labels) {
    prometheus::MetricFamily& family = families_[std::string(name)];
    if (family.name.empty()) {
      family.name = name;
      family.help = help;
      family.type = type;
    }
    prometheus::ClientMetric& metric = family.metric.emplace_back();
    for (auto& [label, value] : labels) metric.label.push_back({std::move(label), std::move(value)});
    return metric;
  }

  std::map<std::string, prometheus::MetricFamily> families_;
};

}  // namespace

class Metrics::State {
 public:
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Throw};

  uint64_t Add(std::function<void(Snapshot&)> source) {
    core::MutexLock lock(mutex_);
    sources_[next_id_] = std::move(source);
    return next_id_++;
  }
  void Remove(uint64_t id) {
    core::MutexLock lock(mutex_);
    sources_.erase(id);
  }
  void Collect(Snapshot& snapshot) {
    core::MutexLock lock(mutex_);
    for (const auto& [id, source] : sources_) source(snapshot);
  }

 private:
  core::Mutex mutex_;
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<uint64_t, std::function<void(Snapshot&)>> sources_ ABSL_GUARDED_BY(mutex_);
};

std::vector<double> LatencyBuckets() {
  return {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
}

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

std::unique_ptr<CounterMetric> Metrics::NewCounter(std::string name, std::string help, LabelNames labels,
                                                   size_t series_max) {
  auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(state_->registry);
  return std::make_unique<CounterOf>(family, std::move(labels), series_max);
}

std::unique_ptr<GaugeMetric> Metrics::NewGauge(std::string name, std::string help, LabelNames labels,
                                               size_t series_max) {
  auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(state_->registry);
  return std::make_unique<GaugeOf>(family, std::move(labels), series_max);
}

std::unique_ptr<HistogramMetric> Metrics::NewHistogram(std::string name, std::string help, std::vector<double> buckets,
                                                       LabelNames labels, size_t series_max) {
  auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(state_->registry);
  return std::make_unique<HistogramOf>(family, std::move(buckets), std::move(labels), series_max);
}

std::unique_ptr<Metrics::Registration> Metrics::AddSource(std::function<void(Snapshot&)> source) {
  return std::unique_ptr<Registration>(new Registration(state_.get(), state_->Add(std::move(source))));
}

Metrics::Registration::~Registration() { state_->Remove(id_); }

std::string Metrics::Scrape() const {
  std::vector<prometheus::MetricFamily> families = state_->registry.Collect();
  Families sources;
  state_->Collect(sources);
  sources.MoveTo(&families);
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return text.str();
}

}  // namespace stratus::telemetry
