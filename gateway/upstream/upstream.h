// gRPC calls to the services over HTTP/2 (nghttp2). One Cluster per upstream and worker thread; everything runs on that
// thread's loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gateway/http/exchange.h"

namespace stratus::gateway::upstream {

// What comes back. All views are valid during the call only.
class CallObserver {
 public:
  // The response's head: HTTP :status 200 and a gRPC content-type have been checked. Not called for trailers-only.
  virtual void OnHead(absl::Span<const http::Header> metadata) = 0;
  // Raw bytes of the gRPC body (5-byte prefixes included), cut anywhere. They count against the call's window until
  // Call::Consumed is called for them.
  virtual void OnData(std::string_view piece) = 0;
  // The call has ended, and is gone once this returns; runs exactly once, unless Cancel came first. `trailers` holds
  // everything the server sent in its trailers (grpc-status among it); empty when the connection broke, was refused or
  // could not be made, or the deadline passed: then `status` says so (UNAVAILABLE, DEADLINE_EXCEEDED, ...). With
  // trailers, `status` holds code and decoded message of grpc-status and grpc-message; details are in the trailers.
  virtual void OnEnd(const absl::Status& status, absl::Span<const http::Header> trailers) = 0;
  // unsent() has fallen below the low-water mark after it was above the high one.
  virtual void OnDrained() = 0;

 protected:
  ~CallObserver() = default;
};

struct CallHead {
  std::string_view path;  // /pkg.Service/Method
  std::string_view authority;
  absl::Span<const http::Header> metadata;  // lower case; no pseudo-headers, te, content-type or grpc-timeout
  std::string_view content_type = "application/grpc";
  int64_t timeout_ns = 0;  // > 0: sent on as grpc-timeout and enforced here
  // Doing it twice does no harm (idempotency_level): may be retried when it failed with UNAVAILABLE before any reply.
  bool idempotent = false;
  // It waits on purpose: what it takes tells neither the upstream's load nor its health. Unary.
  bool waits = false;
  bool streaming = false;  // either side streams: such calls get connections of their own
  // Replies may be read in batches, a fraction of a millisecond late: for a stream of many small messages.
  bool batch_reads = false;
};

class Call {
 public:
  static constexpr size_t kUnsentHigh = 256 << 10;

  // Raw bytes of the gRPC body (prefix included); copied. `last` half-closes.
  virtual void Send(std::string_view bytes, bool last) = 0;
  virtual size_t unsent() const = 0;
  // Gives flow-control credit back.
  virtual void Consumed(size_t bytes) = 0;
  // RST_STREAM(CANCEL); no more events come, and the call is gone.
  virtual void Cancel() = 0;

 protected:
  ~Call() = default;
};

class Cluster {
 public:
  virtual ~Cluster() = default;
  // Begins a call. The observer hears of a failure later, never inside Start. The views in `head` are copied as needed.
  virtual Call* Start(const CallHead& head, CallObserver* observer) = 0;
};

}  // namespace stratus::gateway::upstream
