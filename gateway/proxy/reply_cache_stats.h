// What became of calls at the reply cache, for metrics.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"

namespace stratus::telemetry {
class Snapshot;
}

namespace stratus::gateway::proxy {

// Of one worker: it alone writes, any thread reads.
struct ReplyCacheStats {
  class Counter {
   public:
    // No read-modify-write on a cache line that others would wait for.
    void Add(uint64_t by = 1) { Set(Get() + by); }
    void Set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
    uint64_t Get() const { return value_.load(std::memory_order_relaxed); }

   private:
    std::atomic<uint64_t> value_{0};
  };

  // Each call is counted in one of these; a miss that got what is stale, as the server failed, in two.
  Counter hits;
  Counter stale_hits;
  Counter stale_if_error_hits;
  Counter misses;
  Counter waits;           // for another's miss
  Counter reloads;         // the client wanted it anew
  Counter passes;          // a moment ago such a reply was not to be kept
  Counter bypasses;        // the request could not be answered from a cache
  Counter only_if_cached;  // the client wanted what is kept, and there is none

  Counter not_modified;  // of the answers with what was kept, those without a body
  Counter refreshes;     // calls in the background
  Counter refreshes_failed;
  Counter stored;
  Counter evicted;
  Counter too_large;
  Counter bytes;    // now
  Counter entries;  // now
};

// stratus_gateway_cache_*: the sums over all workers.
void WriteReplyCacheMetrics(absl::Span<const std::shared_ptr<ReplyCacheStats>> workers, telemetry::Snapshot& out);

}  // namespace stratus::gateway::proxy
