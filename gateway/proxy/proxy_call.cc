#include "gateway/proxy/proxy_call.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "gateway/upstream/grpc_wire.h"

namespace stratus::gateway::proxy {
namespace {

constexpr size_t kRequestIdMax = 128;

bool ValidRequestId(std::string_view id) {
  return !id.empty() && id.size() <= kRequestIdMax &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

void AppendHex(uint64_t value, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  char digits[16];
  for (size_t i = 0; i < sizeof digits; ++i) digits[i] = kHex[value >> (60 - 4 * i) & 15];
  out->append(digits, sizeof digits);
}

std::string_view ProtocolName(const http::RequestHead& head) {
  switch (head.protocol) {
    case http::Protocol::kHttp10: return "HTTP/1.0";
    case http::Protocol::kHttp11: return "HTTP/1.1";
    case http::Protocol::kHttp2: break;
  }
  return "HTTP/2";
}

}  // namespace

void ProxyCall::Begin(http::Exchange* exchange, std::shared_ptr<WorkerSnapshot> snapshot, const Method* method,
                      std::string_view route) {
  exchange_ = exchange;
  snapshot_ = std::move(snapshot);
  method_ = method;
  upstream_ = method != nullptr ? method->upstream : 0;
  route_ = route;
  started_ns_ = upstream::TimerQueue::Now();
  trace_.Begin(env_.tracing, request());
  SetRequestId();
  exchange->SetHandler(this);
}

void ProxyCall::SetRequestId() {
  request_id_.clear();
  const std::string_view given = request().Find("x-request-id");
  if (ValidRequestId(given)) {
    request_id_ = given;
    return;
  }
  AppendHex(env_.random(), &request_id_);
  AppendHex(env_.random(), &request_id_);
}

void ProxyCall::Authorize(const auth::Policy& policy) {
  policy_ = &policy;
  if (!env_.auth->enabled()) {
    authorized_ = true;
    OnAuthorized();
    return;
  }
  const auth::Outcome outcome = env_.auth->Check(request(), policy, this, &auth_ticket_);
  if (!outcome.pending()) OnAuthOutcome(outcome);
}

void ProxyCall::OnAuthOutcome(const auth::Outcome& outcome) {
  auth_ticket_ = 0;
  if (outcome.allowed()) {
    principal_ = outcome.principal;
    authorized_ = true;
    OnAuthorized();
  } else {
    denied_reason_ = outcome.reason;
    OnDenied(outcome);
  }
}

int64_t ProxyCall::TimeoutNs(bool streaming) const {
  const std::string_view text = request().Find("grpc-timeout");
  return ClampTimeoutNs(text.empty() ? -1 : upstream::ParseTimeout(text), streaming);
}

int64_t ProxyCall::ClampTimeoutNs(int64_t asked_ns, bool streaming) const {
  const int64_t fallback = streaming ? env_.settings.default_stream_timeout_ns : env_.settings.default_timeout_ns;
  return std::clamp<int64_t>(asked_ns < 0 ? fallback : asked_ns, 1, env_.settings.timeout_ns_max);
}

void ProxyCall::AppendCommonMetadata(HeaderList* out) {
  forwarded_for_.clear();
  AppendForwardedFor(request(), &forwarded_for_);
  out->push_back({"x-forwarded-for", forwarded_for_});
  out->push_back({"x-request-id", request_id_});
  trace_.BeginUpstream(method_ != nullptr ? std::string_view(method_->grpc_path) : route_, out);
}

void ProxyCall::AppendCommonHeaders(HeaderList* out) const {
  out->push_back({"x-request-id", request_id_});
  trace_.AppendResponseHeaders(out);
  if (env_.cors != nullptr) env_.cors->Append(request(), out);
}

void ProxyCall::CancelUpstream() {
  if (call_ == nullptr) return;
  call_->Cancel();
  call_ = nullptr;
}

void ProxyCall::OnAbort() {
  CancelUpstream();
  Finish(kClientClosedRequest, absl::StatusCode::kCancelled);
}

void ProxyCall::Finish(int http_status, absl::StatusCode code) {
  if (auth_ticket_ != 0) env_.auth->Forget(auth_ticket_);
  auth_ticket_ = 0;
  trace_.End(http_status, code, bytes_out_, route_,
             principal_ != nullptr ? std::string_view(principal_->client_id) : std::string_view());
  if (!detached_ && env_.stats != nullptr) env_.stats->Add(route_, code, upstream::TimerQueue::Now() - started_ns_);
  if (!detached_ && env_.access_log != nullptr) WriteLog(http_status, code);
  exchange_ = nullptr;
  snapshot_.reset();
  principal_.reset();
  policy_ = nullptr;
  denied_reason_ = "";
  authorized_ = detached_ = false;
  bytes_in_ = bytes_out_ = 0;
  Recycle();
}

void ProxyCall::WriteLog(int http_status, absl::StatusCode code) {
  const http::RequestHead& head = request();
  filter::AccessRecord record;
  record.time = absl::Now();
  record.request_id = request_id_;
  record.trace_id = trace_.trace_id();
  if (principal_ != nullptr) record.client_id = principal_->client_id;
  record.peer = head.peer;
  record.protocol = ProtocolName(head);
  record.http_method = head.method;
  record.route = route_;
  if (method_ != nullptr) record.method = method_->full_name;
  record.upstream = env_.upstream_names[upstream_];
  record.http_status = http_status;
  record.grpc_code = code;
  record.bytes_in = bytes_in_;
  record.bytes_out = bytes_out_;
  record.duration = absl::Nanoseconds(upstream::TimerQueue::Now() - started_ns_);
  record.reason = denied_reason_;
  env_.access_log->Write(record);
}

}  // namespace stratus::gateway::proxy
