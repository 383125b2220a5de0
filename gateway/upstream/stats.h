// What a cluster counts. Written by the cluster's loop alone, read by any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

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
  Count panics;                                             // times that too few endpoints were left
};

}  // namespace stratus::gateway::upstream
