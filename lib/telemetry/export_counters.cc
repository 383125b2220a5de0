#include "lib/telemetry/export_counters.h"

#include <string>

#include "lib/telemetry/metrics.h"

namespace stratus::telemetry {

std::string_view DropReasonName(DropReason reason) {
  switch (reason) {
    case DropReason::kQueueFull: return "queue_full";
    case DropReason::kTooLarge: return "too_large";
    case DropReason::kUnresolved: return "unresolved";
    case DropReason::kRefused: return "refused";
    case DropReason::kSendFailed: return "send_failed";
    case DropReason::kRejected: return "rejected";
    case DropReason::kShutdown: return "shutdown";
  }
  return "unknown";
}

uint64_t ExportCounters::dropped() const {
  uint64_t sum = 0;
  for (const auto& count : dropped_) sum += count.load(std::memory_order_relaxed);
  return sum;
}

void ExportCounters::Write(std::string_view exporter, Snapshot& out) const {
  const std::string name(exporter);
  const auto counter = [&](std::string_view metric, std::string_view help, uint64_t value) {
    out.Counter(metric, help, static_cast<double>(value), {{"exporter", name}});
  };
  counter("stratus_trace_spans_created_total", "Spans that ended and were given to the exporter.", created());
  counter("stratus_trace_spans_sent_total", "Spans that the exporter has sent.", sent());
  counter("stratus_trace_spans_truncated_total", "Spans sent without all of their details, being too large.",
          truncated_.load(std::memory_order_relaxed));
  for (size_t i = 0; i < kDropReasons; ++i) {
    const auto reason = static_cast<DropReason>(i);
    out.Counter("stratus_trace_spans_dropped_total", "Spans that were lost, by reason.",
                static_cast<double>(dropped(reason)),
                {{"exporter", name}, {"reason", std::string(DropReasonName(reason))}});
  }
}

}  // namespace stratus::telemetry
