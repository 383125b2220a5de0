// How metrics and access logs hear of calls.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace stratus::auth {
struct Outcome;
}
namespace stratus::telemetry {
class TraceContext;
}

namespace stratus::rpc {

// Valid during OnCallDone alone.
struct CallRecord {
  std::string_view method;  // `/pkg.Service/Method`, one that a registered service has
  absl::StatusCode code;    // as sent; kCancelled when the caller was gone before anything could be sent
  absl::Duration latency;   // from the call's headers to its end
  std::string_view request_id;
  const auth::Outcome& outcome;  // who called, or why the call was denied (outcome.reason: for logs alone)
  const telemetry::TraceContext& trace;
  std::string_view peer = {};  // the socket's other end
  uint64_t bytes_in = 0;       // of messages, without gRPC's framing
  uint64_t bytes_out = 0;
};

class CallObserver {
 public:
  virtual ~CallObserver() = default;

  // Headers came in and the call was admitted or denied. From any thread; must not block.
  virtual void OnCallStart(std::string_view method) = 0;

  // Once for each OnCallStart, when everything of the call has ended.
  virtual void OnCallDone(const CallRecord& record) = 0;
};

}  // namespace stratus::rpc
