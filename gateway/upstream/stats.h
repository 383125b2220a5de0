// What a cluster counts. Written by the cluster's loop alone, read by any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/core/mutex.h"

namespace stratus::gateway::upstream {

// One writer, so no read-modify-write on the bus.
class Count {
 public:
  void Add(uint64_t by = 1) { value_.store(value() + by, std::memory_order_relaxed); }
  void Sub(uint64_t by = 1) { value_.store(value() - by, std::memory_order_relaxed); }
  void Set(uint64_t to) { value_.store(to, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

enum class EndpointState : uint8_t { kServing, kUnhealthy, kEjected, kUnreachable, kDraining };
inline constexpr const char* kEndpointStateNames[] = {"serving", "unhealthy", "ejected", "unreachable", "draining"};

// Why a call was started again.
enum class RetryReason : uint8_t {
  kRefused,      // RST_STREAM(REFUSED_STREAM)
  kGoAway,       // beyond the last stream that a GOAWAY names
  kUnsent,       // the connection broke before the call was written
  kUnavailable,  // idempotent, and failed before any byte of a reply
};
inline constexpr const char* kRetryReasonNames[] = {"refused", "goaway", "unsent", "unavailable"};

// Why a call was refused instead of sent on (Admission).
enum class ShedReason : uint8_t {
  kQueueFull,  // more came behind it than may wait
  kWaited,     // for longer than is of use
  kDeadline,   // it could not have been answered before its deadline
  kStreams,    // too many streams are open
};
inline constexpr const char* kShedReasonNames[] = {"queue_full", "waited", "deadline", "streams"};

struct MethodStats {
  explicit MethodStats(std::string_view name) : path(name) {}

  const std::string path;  // `/pkg.Service/Method`
  Count in_flight;
  Count waiting;
  std::array<Count, std::size(kShedReasonNames)> shed;  // by ShedReason
};

// Those of one cluster. Add on its loop alone; what it gives lives as long as the table.
class MethodStatsTable {
 public:
  MethodStats* Add(std::string_view path) {
    core::MutexLock lock(mutex_);
    return methods_.emplace_back(std::make_unique<MethodStats>(path)).get();
  }
  // Any thread.
  template <typename Read>
  void ForEach(Read read) const {
    core::MutexLock lock(mutex_);
    for (const auto& method : methods_) read(*method);
  }

 private:
  mutable core::Mutex mutex_;
  std::vector<std::unique_ptr<MethodStats>> methods_ ABSL_GUARDED_BY(mutex_);
};

struct ClusterStats {
  std::array<Count, std::size(kEndpointStateNames)> endpoints;  // by EndpointState, now
  Count connections;                                            // open now
  Count streams;                                                // open now
  Count waiting;                                                // calls that wait for a connection or a stream now
  Count waits;                                                  // calls that ever did
  Count connect_failures;
  Count resolve_failures;
  Count ejections;
  Count health_check_failures;
  std::array<Count, std::size(kRetryReasonNames)> retries;  // by RetryReason
  Count retries_over_budget;                                // not made for want of budget
  Count unresponsive;                                       // connections closed for want of an answer to a PING
  Count limit;                                              // unary calls that may be under way now
  Count in_flight;                                          // unary calls that are
  Count admission_waiting;                                  // calls that wait for their turn now
  std::array<Count, std::size(kShedReasonNames)> shed;      // by ShedReason
  MethodStatsTable methods;
  Count panics;  // times that too few endpoints were left
};

}  // namespace stratus::gateway::upstream
