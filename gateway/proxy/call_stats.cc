#include "gateway/proxy/call_stats.h"

#include <algorithm>
#include <map>
#include <utility>

#include "lib/core/status.h"
#include "lib/telemetry/metrics.h"

namespace stratus::gateway::proxy {
namespace {

constexpr std::string_view kOther = "other";

// Only the worker writes: no read-modify-write on a shared cache line is needed.
void Bump(std::atomic<uint64_t>& counter, uint64_t by = 1) {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

struct Sum {
  std::array<uint64_t, CallStats::kBounds + 1> buckets{};
  std::array<uint64_t, CallStats::kCodes> codes{};
  uint64_t nanos = 0;

  void Add(const CallStats::Route& route) {
    for (size_t i = 0; i < buckets.size(); ++i) buckets[i] += route.buckets[i].load(std::memory_order_relaxed);
    for (size_t i = 0; i < codes.size(); ++i) codes[i] += route.codes[i].load(std::memory_order_relaxed);
    nanos += route.nanos.load(std::memory_order_relaxed);
  }
};

}  // namespace

CallStats::CallStats() {
  const std::vector<double> bounds = telemetry::LatencyBuckets();
  static_assert(std::tuple_size_v<decltype(bounds_ns_)> == kBounds);
  for (size_t i = 0; i < kBounds; ++i) bounds_ns_[i] = static_cast<int64_t>(bounds.at(i) * 1e9);
}

CallStats::Route& CallStats::Find(std::string_view route) {
  if (const auto found = routes_.find(core::ToAbsl(route)); found != routes_.end()) return *found->second;
  if (routes_.size() >= kRoutesMax && route != kOther) return Find(kOther);
  core::MutexLock lock(mutex_);
  return *routes_.emplace(std::string(route), std::make_unique<Route>()).first->second;
}

void CallStats::Add(std::string_view route, absl::StatusCode code, int64_t nanos) {
  Route& stats = Find(route);
  const auto bucket = std::lower_bound(bounds_ns_.begin(), bounds_ns_.end(), nanos) - bounds_ns_.begin();
  Bump(stats.buckets[static_cast<size_t>(bucket)]);
  const auto index = static_cast<size_t>(code);
  Bump(stats.codes[index < kCodes ? index : static_cast<size_t>(absl::StatusCode::kUnknown)]);
  Bump(stats.nanos, static_cast<uint64_t>(std::max<int64_t>(nanos, 0)));
}

CallStats* CallStatsTable::AddWorker() {
  core::MutexLock lock(mutex_);
  workers_.push_back(std::make_unique<CallStats>());
  return workers_.back().get();
}

void CallStatsTable::Write(telemetry::Snapshot& out) const {
  std::map<std::string, Sum> sums;
  {
    core::MutexLock lock(mutex_);
    for (const auto& worker : workers_) {
      core::MutexLock routes(worker->mutex_);
      for (const auto& [route, stats] : worker->routes_) sums[route].Add(*stats);
    }
  }
  for (const auto& [route, sum] : sums) {
    for (size_t code = 0; code < sum.codes.size(); ++code) {
      if (sum.codes[code] == 0) continue;
      out.Counter("stratus_gateway_calls_total", "Calls that ended, by route and gRPC code.",
                  static_cast<double>(sum.codes[code]),
                  {{"route", route}, {"code", std::string(core::CodeName(static_cast<absl::StatusCode>(code)))}});
    }
    out.Histogram("stratus_gateway_call_seconds", "Time from a call's head to its end.", telemetry::LatencyBuckets(),
                  {sum.buckets.begin(), sum.buckets.end()}, static_cast<double>(sum.nanos) / 1e9, {{"route", route}});
  }
}

}  // namespace stratus::gateway::proxy
