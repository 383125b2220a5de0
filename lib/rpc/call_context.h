// What this process knows about one call before its handler runs. gRPC is handed this subclass of its own context by
// CallContextAllocator; the interceptor fills it in; the adapters (unary.h, server_stream.h) read it. Handlers never
// see it: they get a UnaryCall or a ServerStreamCall.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "lib/auth/authenticator.h"
#include "lib/auth/policy.h"
#include "lib/rpc/call_observer.h"
#include "lib/telemetry/span.h"
#include "lib/telemetry/trace_context.h"

namespace stratus::rpc {

class CallContext final : public grpc::CallbackServerContext {
 public:
  // OK when the call may go on; else the status to finish it with. It starts as denied, and only the interceptor can
  // change that, so a call that an interceptor never saw is refused.
  absl::Status Admission() const;

  const auth::Outcome& outcome() const { return outcome_; }
  const telemetry::TraceContext& trace() const { return trace_; }
  // The call's own; it ends when everything of the call has ended.
  const telemetry::SpanRef& span() const { return span_; }
  // The caller's x-request-id where it is 1..128 characters of [A-Za-z0-9._-], else a new one.
  const std::string& request_id() const { return request_id_; }
  // `/pkg.Service/Method`; empty when the interceptor has not run.
  std::string_view method() const { return method_; }

  // The first value the caller sent under a (lower-case) metadata key, or empty.
  std::string_view Metadata(std::string_view key) const;

  // Sizes of messages, for the observer. From any thread.
  void CountIn(size_t bytes) { bytes_in_.fetch_add(bytes, std::memory_order_relaxed); }
  void CountOut(size_t bytes) { bytes_out_.fetch_add(bytes, std::memory_order_relaxed); }

 private:
  friend class CallInterceptor;
  friend class CallContextAllocator;

  // What the interceptor decided by. Null until it ran: denied.
  const auth::Policy* policy_ = nullptr;
  auth::Outcome outcome_;
  telemetry::TraceContext trace_;
  telemetry::Span span_;
  std::string request_id_;
  std::string_view method_;  // gRPC's own text, which lives as long as the server
  absl::Duration started_;   // core::Clock::Monotonic
  absl::StatusCode code_ = absl::StatusCode::kUnknown;
  std::string peer_;  // where there is an observer
  std::atomic<uint64_t> bytes_in_{0};
  std::atomic<uint64_t> bytes_out_{0};
};

// Owned by the grpc::Server. `observer` (may be null) hears of every call as it is released, and outlives the server.
class CallContextAllocator final : public grpc::ContextAllocator {
 public:
  explicit CallContextAllocator(CallObserver* observer) : observer_(observer) {}

  grpc::CallbackServerContext* NewCallbackServerContext() override;
  void Release(grpc::CallbackServerContext* context) override;

 private:
  CallObserver* const observer_;
};

}  // namespace stratus::rpc
