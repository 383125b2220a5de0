#include "gateway/proxy/call_trace.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "lib/core/redact.h"
#include "lib/core/status.h"

namespace stratus::gateway::proxy {
namespace {

constexpr std::string_view kTraceparent = "traceparent";
constexpr std::string_view kTracestate = "tracestate";
constexpr std::string_view kXAmznTraceId = "x-amzn-trace-id";

// `/pkg.Service/Method` -> `pkg.Service`
std::string_view ServiceOf(std::string_view method) {
  method.remove_prefix(std::min<size_t>(1, method.size()));
  return method.substr(0, method.find('/'));
}

void AppendHeaders(const telemetry::TraceContext& trace, std::string* traceparent, std::string* x_amzn_trace_id) {
  trace.AppendTraceparent(traceparent);
  trace.AppendXAmznTraceId(x_amzn_trace_id);
}

// Whether the call may have come to the service at all, which then has a segment of its own.
bool Arrived(absl::StatusCode code) {
  return code != absl::StatusCode::kUnavailable && code != absl::StatusCode::kDeadlineExceeded &&
         code != absl::StatusCode::kCancelled;
}

}  // namespace

void CallTrace::Begin(const TraceSettings& settings, const http::RequestHead& head) {
  on_ = settings.tracer != nullptr;
  if (!on_) return;
  const bool believe = !settings.ignore_inbound;
  trace_ = telemetry::ContinueTrace(believe ? head.Find(kTraceparent) : std::string_view(),
                                    believe ? head.Find(kXAmznTraceId) : std::string_view());
  span_ = settings.tracer->StartSegment(&trace_,
                                        {.host = head.authority, .http_method = head.method, .url_path = head.path});
  root_.assign("Root=");
  trace_.AppendXRayTraceId(&root_);
  if (span_.recording()) Describe(settings.headers, head);
}

void CallTrace::Describe(const HeaderMap* headers, const http::RequestHead& head) {
  span_.SetHttpRequest(head.method, absl::StrCat(head.secure ? "https://" : "http://", core::ToAbsl(head.authority),
                                                 core::Redacted(head.path)));
  const std::string_view client = headers != nullptr ? headers->ClientOf(head) : head.peer;
  const bool forwarded = client.data() != head.peer.data();
  span_.SetHttpPeer(HostOfPeer(client), forwarded, head.Find("user-agent"));
}

void CallTrace::BeginUpstream(std::string_view method, HeaderList* metadata) {
  if (!on_) return;
  traceparent_.clear();
  x_amzn_trace_id_.clear();
  if (span_.recording()) {
    upstream_ = span_.StartChild(ServiceOf(method), telemetry::SpanKind::kClient);
    upstream_.SetHttpRequest("POST", method);
    telemetry::TraceContext next = trace_;
    next.set_span_id(upstream_.id());
    AppendHeaders(next, &traceparent_, &x_amzn_trace_id_);
  } else {
    AppendHeaders(trace_, &traceparent_, &x_amzn_trace_id_);
  }
  // tracestate belongs to the trace that the client's traceparent names (W3C Trace Context, 3.3).
  const bool same_trace = std::any_of(metadata->begin(), metadata->end(), [this](const http::Header& header) {
    return header.name == kTraceparent && header.value.size() >= 35 && header.value.substr(3, 32) == trace_.trace_id();
  });
  metadata->erase(std::remove_if(metadata->begin(), metadata->end(),
                                 [same_trace](const http::Header& header) {
                                   return header.name == kTraceparent || header.name == kXAmznTraceId ||
                                          (header.name == kTracestate && !same_trace);
                                 }),
                  metadata->end());
  metadata->push_back({kTraceparent, traceparent_});
  metadata->push_back({kXAmznTraceId, x_amzn_trace_id_});
}

void CallTrace::AppendResponseHeaders(HeaderList* out) const {
  if (on_) out->push_back({kXAmznTraceId, root_});
}

void CallTrace::End(int http_status, absl::StatusCode code, uint64_t bytes, std::string_view route,
                    std::string_view client_id) {
  if (!span_.recording()) return;
  if (upstream_.recording()) {
    if (Arrived(code)) upstream_.SetTraced();
    upstream_.Annotate("rpc_code", core::CodeName(code));
    upstream_.SetOutcome(telemetry::OutcomeOf(code));
    upstream_.End();
  }
  span_.Annotate("route", route);
  span_.Annotate("rpc_code", core::CodeName(code));
  if (!client_id.empty()) span_.Annotate("client_id", client_id);
  span_.SetHttpResponse(http_status, static_cast<int64_t>(bytes));
  // Over gRPC the HTTP status is 200, however the call ended.
  if (http_status == 200) span_.SetOutcome(telemetry::OutcomeOf(code));
  span_.End();
}

}  // namespace stratus::gateway::proxy
