// Rate, errors and duration of calls, by route. A worker counts for itself and waits for nobody; a scrape adds the
// workers up.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "lib/core/mutex.h"

namespace stratus::telemetry {
class Snapshot;
}

namespace stratus::gateway::proxy {

// The route of what the descriptors do not hold: a caller must not be able to make up labels.
inline constexpr std::string_view kUnmatched = "unmatched";

// One worker's. Add on its loop's thread alone; read from any.
class CallStats {
 public:
  static constexpr size_t kRoutesMax = 1000;  // past it: "other"
  static constexpr size_t kBounds = 17;       // telemetry::LatencyBuckets()
  static constexpr size_t kCodes = 17;        // google.rpc.Code

  struct Route {
    std::array<std::atomic<uint64_t>, kBounds + 1> buckets{};  // each its own, not the ones below it
    std::array<std::atomic<uint64_t>, kCodes> codes{};
    std::atomic<uint64_t> nanos{0};
  };

  CallStats();

  void Add(std::string_view route, absl::StatusCode code, int64_t nanos);

 private:
  friend class CallStatsTable;

  Route& Find(std::string_view route);

  std::array<int64_t, kBounds> bounds_ns_;
  core::Mutex mutex_;  // held by the worker while it inserts and by a scrape: look-ups of the worker need none
  absl::flat_hash_map<std::string, std::unique_ptr<Route>> routes_;
};

// Those of all workers.
class CallStatsTable {
 public:
  // A worker's own, which lives as long as the table.
  CallStats* AddWorker();

  // stratus_gateway_calls_total{route,code} and stratus_gateway_call_seconds{route}.
  void Write(telemetry::Snapshot& out) const;

 private:
  mutable core::Mutex mutex_;
  std::vector<std::unique_ptr<CallStats>> workers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stratus::gateway::proxy
