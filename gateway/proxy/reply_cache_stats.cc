#include "gateway/proxy/reply_cache_stats.h"

#include "lib/telemetry/metrics.h"

namespace stratus::gateway::proxy {
namespace {

using Member = ReplyCacheStats::Counter ReplyCacheStats::*;

struct Outcome {
  const char* name;
  Member member;
};
constexpr Outcome kOutcomes[] = {
    {"hit", &ReplyCacheStats::hits},
    {"stale", &ReplyCacheStats::stale_hits},
    {"stale_if_error", &ReplyCacheStats::stale_if_error_hits},
    {"miss", &ReplyCacheStats::misses},
    {"coalesced", &ReplyCacheStats::waits},
    {"revalidated", &ReplyCacheStats::reloads},
    {"pass", &ReplyCacheStats::passes},
    {"bypass", &ReplyCacheStats::bypasses},
    {"only_if_cached", &ReplyCacheStats::only_if_cached},
};

struct Named {
  const char* name;
  const char* help;
  Member member;
};
constexpr Named kCounters[] = {
    {"stratus_gateway_cache_not_modified_total", "304s given with what was kept", &ReplyCacheStats::not_modified},
    {"stratus_gateway_cache_refreshes_total", "Calls in the background for a reply that was given though stale",
     &ReplyCacheStats::refreshes},
    {"stratus_gateway_cache_refreshes_failed_total", "Those that brought no reply to keep",
     &ReplyCacheStats::refreshes_failed},
    {"stratus_gateway_cache_stored_total", "Replies kept", &ReplyCacheStats::stored},
    {"stratus_gateway_cache_evicted_total", "Replies dropped to make room for others", &ReplyCacheStats::evicted},
    {"stratus_gateway_cache_too_large_total", "Replies not kept for their size", &ReplyCacheStats::too_large},
};
constexpr Named kGauges[] = {
    {"stratus_gateway_cache_bytes", "Bytes that kept replies take, as they are counted against the limit",
     &ReplyCacheStats::bytes},
    {"stratus_gateway_cache_entries", "Replies that are kept", &ReplyCacheStats::entries},
};

double Sum(absl::Span<const std::shared_ptr<ReplyCacheStats>> workers, Member member) {
  uint64_t sum = 0;
  for (const auto& worker : workers) sum += ((*worker).*member).Get();
  return static_cast<double>(sum);
}

}  // namespace

void WriteReplyCacheMetrics(absl::Span<const std::shared_ptr<ReplyCacheStats>> workers, telemetry::Snapshot& out) {
  for (const Outcome& outcome : kOutcomes) {
    out.Counter("stratus_gateway_cache_calls_total", "Calls of methods whose replies are kept, by what became of them",
                Sum(workers, outcome.member), {{"outcome", outcome.name}});
  }
  for (const Named& counter : kCounters) out.Counter(counter.name, counter.help, Sum(workers, counter.member));
  for (const Named& gauge : kGauges) out.Gauge(gauge.name, gauge.help, Sum(workers, gauge.member));
}

}  // namespace stratus::gateway::proxy
