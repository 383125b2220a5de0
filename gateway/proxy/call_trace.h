// A call's place in a trace: continues the client's or begins one, tells the service about it, and records the call
// where it is sampled. With no tracer it does nothing, and the client's headers go through as they are.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "gateway/http/exchange.h"
#include "gateway/proxy/header_map.h"
#include "lib/telemetry/tracer.h"

namespace stratus::gateway::proxy {

struct TraceSettings {
  const telemetry::Tracer* tracer = nullptr;  // outlives the workers
  // The client's trace headers are not believed: every call begins a trace of its own.
  bool ignore_inbound = false;
  const HeaderMap* headers = nullptr;  // knows who the client is; set by ProxyService
};

// One a call object, used again and again: its strings keep their memory.
class CallTrace {
 public:
  void Begin(const TraceSettings& settings, const http::RequestHead& head);
  // The service is about to be called: puts the headers for it into `metadata`, in place of the client's.
  // `method`: `/pkg.Service/Method`.
  void BeginUpstream(std::string_view method, HeaderList* metadata);
  // For the response: which trace to ask for.
  void AppendResponseHeaders(HeaderList* out) const;
  void Annotate(std::string_view key, std::string_view value) {
    if (span_.recording()) span_.Annotate(key, value);
  }
  void End(int http_status, absl::StatusCode code, uint64_t bytes, std::string_view route, std::string_view client_id);

  // 32 digits; empty with no tracer.
  std::string_view trace_id() const { return on_ ? trace_.trace_id() : std::string_view(); }

 private:
  void Describe(const HeaderMap* headers, const http::RequestHead& head);

  bool on_ = false;
  telemetry::TraceContext trace_;
  telemetry::Span span_;
  telemetry::Span upstream_;
  std::string root_;  // `Root=1-...`
  std::string traceparent_;
  std::string x_amzn_trace_id_;
};

}  // namespace stratus::gateway::proxy
