#include "gateway/upstream_metrics.h"

#include <algorithm>
#include <array>
#include <map>

#include "absl/strings/str_cat.h"

namespace stratus::gateway {
namespace {

using upstream::ClusterStats;
using Workers = std::vector<std::shared_ptr<ClusterStats>>;

struct Series {
  const char* name;
  const char* help;
  bool is_gauge;
  upstream::Count ClusterStats::*value;
};
constexpr Series kSeries[] = {
    {"stratus_gateway_upstream_connections_open", "Connections to endpoints open now", true,
     &ClusterStats::connections},
    {"stratus_gateway_upstream_streams_open", "Calls under way at endpoints", true, &ClusterStats::streams},
    {"stratus_gateway_upstream_calls_waiting", "Calls that wait for a connection or a stream now", true,
     &ClusterStats::waiting},
    {"stratus_gateway_upstream_waits_total", "Calls that had to wait for a connection or a stream", false,
     &ClusterStats::waits},
    {"stratus_gateway_upstream_connect_failures_total", "Attempts to connect that failed", false,
     &ClusterStats::connect_failures},
    {"stratus_gateway_upstream_resolve_failures_total", "Look-ups of host names that failed", false,
     &ClusterStats::resolve_failures},
    {"stratus_gateway_upstream_health_check_failures_total", "Health checks that failed", false,
     &ClusterStats::health_check_failures},
    {"stratus_gateway_upstream_ejections_total", "Endpoints ejected because their calls failed", false,
     &ClusterStats::ejections},
    {"stratus_gateway_upstream_panics_total", "Times that too few endpoints were usable, and all were used", false,
     &ClusterStats::panics},
    {"stratus_gateway_upstream_unresponsive_total", "Connections closed because the server answered no PING", false,
     &ClusterStats::unresponsive},
    {"stratus_gateway_upstream_calls_limit", "Unary calls that may be under way now, of all workers", true,
     &ClusterStats::limit},
    {"stratus_gateway_upstream_calls_in_flight", "Unary calls under way", true, &ClusterStats::in_flight},
    {"stratus_gateway_upstream_calls_queued", "Calls that wait for their turn under the limit now", true,
     &ClusterStats::admission_waiting},
    {"stratus_gateway_upstream_retries_over_budget_total", "Retries not made for want of budget", false,
     &ClusterStats::retries_over_budget},
};

template <typename Value>
double Sum(const Workers& workers, Value value) {
  double sum = 0;
  for (const auto& worker : workers) sum += static_cast<double>(value(*worker).value());
  return sum;
}

// Each worker sees the same endpoints, so their sum would count them several times.
template <typename Value>
double Most(const Workers& workers, Value value) {
  uint64_t most = 0;
  for (const auto& worker : workers) most = std::max(most, value(*worker).value());
  return static_cast<double>(most);
}

// What the workers say of one method.
struct MethodSum {
  double in_flight = 0;
  double waiting = 0;
  std::array<double, std::size(upstream::kShedReasonNames)> shed{};
};

void WriteMethods(const std::string& name, const Workers& workers, telemetry::Snapshot& out) {
  std::map<std::string, MethodSum> sums;
  for (const auto& worker : workers) {
    worker->methods.ForEach([&sums](const upstream::MethodStats& method) {
      MethodSum& sum = sums[method.path];
      sum.in_flight += static_cast<double>(method.in_flight.value());
      sum.waiting += static_cast<double>(method.waiting.value());
      for (size_t i = 0; i < sum.shed.size(); ++i) sum.shed[i] += static_cast<double>(method.shed[i].value());
    });
  }
  for (const auto& [path, sum] : sums) {
    const std::string method = path.substr(path.starts_with('/') ? 1 : 0);
    out.Gauge("stratus_gateway_method_calls_in_flight", "Unary calls under way, by method", sum.in_flight,
              {{"upstream", name}, {"method", method}});
    out.Gauge("stratus_gateway_method_calls_queued", "Calls that wait for their turn now, by method", sum.waiting,
              {{"upstream", name}, {"method", method}});
    for (size_t i = 0; i < sum.shed.size(); ++i) {
      if (sum.shed[i] == 0) continue;
      out.Counter("stratus_gateway_method_calls_shed_total", "Calls refused for overload, by method and reason",
                  sum.shed[i], {{"upstream", name}, {"method", method}, {"reason", upstream::kShedReasonNames[i]}});
    }
  }
}

}  // namespace

std::vector<upstream::ClusterOptions> UpstreamMetrics::ForWorker(std::vector<upstream::ClusterOptions> upstreams) {
  upstreams_.resize(upstreams.size());
  for (size_t i = 0; i < upstreams.size(); ++i) {
    upstreams[i].stats = std::make_shared<ClusterStats>();
    upstreams_[i].name = upstreams[i].address.ToString();
    const auto earlier =
        std::count_if(upstreams.begin(), upstreams.begin() + static_cast<std::ptrdiff_t>(i),
                      [&](const auto& other) { return other.address.ToString() == upstreams_[i].name; });
    if (earlier > 0) upstreams_[i].name += absl::StrCat("#", earlier + 1);
    upstreams_[i].workers.push_back(upstreams[i].stats);
  }
  return upstreams;
}

void UpstreamMetrics::Write(telemetry::Snapshot& out) const {
  for (const Upstream& upstream : upstreams_) {
    for (const Series& series : kSeries) {
      const double sum = Sum(upstream.workers, [&series](const ClusterStats& stats) -> const upstream::Count& {
        return stats.*series.value;
      });
      if (series.is_gauge) {
        out.Gauge(series.name, series.help, sum, {{"upstream", upstream.name}});
      } else {
        out.Counter(series.name, series.help, sum, {{"upstream", upstream.name}});
      }
    }
    for (size_t i = 0; i < std::size(upstream::kEndpointStateNames); ++i) {
      const double count = Most(
          upstream.workers, [i](const ClusterStats& stats) -> const upstream::Count& { return stats.endpoints[i]; });
      out.Gauge("stratus_gateway_upstream_endpoints", "Endpoints by state, as the worker sees it that has the most",
                count, {{"upstream", upstream.name}, {"state", upstream::kEndpointStateNames[i]}});
    }
    for (size_t i = 0; i < std::size(upstream::kShedReasonNames); ++i) {
      const double count =
          Sum(upstream.workers, [i](const ClusterStats& stats) -> const upstream::Count& { return stats.shed[i]; });
      out.Counter("stratus_gateway_upstream_calls_shed_total", "Calls refused for overload, by reason", count,
                  {{"upstream", upstream.name}, {"reason", upstream::kShedReasonNames[i]}});
    }
    WriteMethods(upstream.name, upstream.workers, out);
    for (size_t i = 0; i < std::size(upstream::kRetryReasonNames); ++i) {
      const double count =
          Sum(upstream.workers, [i](const ClusterStats& stats) -> const upstream::Count& { return stats.retries[i]; });
      out.Counter("stratus_gateway_upstream_retries_total", "Calls started again, by reason", count,
                  {{"upstream", upstream.name}, {"reason", upstream::kRetryReasonNames[i]}});
    }
  }
}

}  // namespace stratus::gateway
