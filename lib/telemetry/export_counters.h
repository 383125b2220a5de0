// What becomes of spans, so that none is lost in silence: created = sent + dropped, once the queues are empty.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace stratus::telemetry {

class Snapshot;

enum class DropReason {
  kQueueFull,   // the exporter does not keep up
  kTooLarge,    // one span over the limit of a datagram or request
  kUnresolved,  // the collector's name has no address
  kRefused,     // nobody listens at the collector's address
  kSendFailed,  // the network did not take it, or no answer came
  kRejected,    // the collector answered that it will not have it
  kShutdown,    // the program ended first
};
inline constexpr size_t kDropReasons = 7;

std::string_view DropReasonName(DropReason reason);

class ExportCounters {
 public:
  void Created(uint64_t spans) { created_.fetch_add(spans, std::memory_order_relaxed); }
  void Sent(uint64_t spans) { sent_.fetch_add(spans, std::memory_order_relaxed); }
  void Dropped(DropReason reason, uint64_t spans) {
    dropped_[static_cast<size_t>(reason)].fetch_add(spans, std::memory_order_relaxed);
  }
  void Truncated(uint64_t spans) { truncated_.fetch_add(spans, std::memory_order_relaxed); }

  uint64_t created() const { return created_.load(std::memory_order_relaxed); }
  uint64_t sent() const { return sent_.load(std::memory_order_relaxed); }
  uint64_t dropped(DropReason reason) const {
    return dropped_[static_cast<size_t>(reason)].load(std::memory_order_relaxed);
  }
  uint64_t dropped() const;

  // stratus_trace_spans_{created,sent,truncated}_total{exporter}, stratus_trace_spans_dropped_total{exporter,reason}
  void Write(std::string_view exporter, Snapshot& out) const;

 private:
  std::atomic<uint64_t> created_{0};
  std::atomic<uint64_t> sent_{0};
  std::atomic<uint64_t> truncated_{0};
  std::array<std::atomic<uint64_t>, kDropReasons> dropped_{};
};

}  // namespace stratus::telemetry
