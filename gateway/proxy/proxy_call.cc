#include "gateway/proxy/proxy_call.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "gateway/loop/memory_budget.h"
#include "gateway/proxy/request_id.h"
#include "gateway/upstream/grpc_wire.h"

namespace stratus::gateway::proxy {
namespace {

constexpr std::string_view kGrpcHealth = "/grpc.health.";
// A body that is taken while there is any room at all.
constexpr int64_t kSmallBody = 16 << 10;

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
  SetRequestId(request(), env_.random, &request_id_);
  exchange->SetHandler(this);
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

absl::Status ProxyCall::TakeTimeout() {
  const std::string_view text = request().Find("grpc-timeout");
  if (text.empty()) return absl::OkStatus();
  asked_timeout_ns_ = upstream::ParseTimeout(text);
  if (asked_timeout_ns_ >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError("grpc-timeout must be 1 to 8 digits and a unit: H, M, S, m, u or n");
}

int64_t ProxyCall::ClampTimeoutNs(int64_t asked_ns, bool streaming) const {
  const int64_t fallback = streaming ? env_.settings.default_stream_timeout_ns : env_.settings.default_timeout_ns;
  return std::clamp<int64_t>(asked_ns < 0 ? fallback : asked_ns, 1, env_.settings.timeout_ns_max);
}

void ProxyCall::AwaitBody(int64_t timeout_ns) { env_.timers->Arm(&body_deadline_, started_ns_ + timeout_ns); }

void ProxyCall::OnBodyDeadline() {
  FailCall(absl::DeadlineExceededError("the deadline passed before the request body was complete"));
}

int64_t ProxyCall::TimeLeftNs(int64_t timeout_ns) const {
  return std::max<int64_t>(started_ns_ + timeout_ns - upstream::TimerQueue::Now(), 1);
}

bool ProxyCall::HasRoomForBody() {
  const int64_t length = request().content_length;
  const bool small = length >= 0 && length <= kSmallBody;
  return exchange_->HasRoom(static_cast<size_t>(std::max<int64_t>(length, 0))) && (small || !MemoryBudget::Strained());
}

void ProxyCall::AppendCommonMetadata(HeaderList* out) {
  forwarded_for_.clear();
  env_.headers->AppendForwardedFor(request(), &forwarded_for_);
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
  StopAwaitingBody();
  trace_.End(http_status, code, bytes_out_, RouteLabel(),
             principal_ != nullptr ? std::string_view(principal_->client_id) : std::string_view());
  if (!detached_ && env_.stats != nullptr)
    env_.stats->Add(RouteLabel(), code, upstream::TimerQueue::Now() - started_ns_);
  if (!detached_ && env_.call_log != nullptr) WriteLog(http_status, code);
  exchange_ = nullptr;
  snapshot_.reset();
  principal_.reset();
  policy_ = nullptr;
  denied_reason_ = "";
  authorized_ = detached_ = false;
  bytes_in_ = bytes_out_ = 0;
  asked_timeout_ns_ = -1;
  Recycle();
}

void ProxyCall::WriteLog(int http_status, absl::StatusCode code) {
  const http::RequestHead& head = request();
  telemetry::CallLine line;
  line.time = absl::Now();
  line.service = kService;
  line.request_id = request_id_;
  line.trace_id = trace_.trace_id();
  if (principal_ != nullptr) line.client_id = principal_->client_id;
  line.peer = env_.headers->ClientOf(head);
  line.protocol = ProtocolName(head.protocol);
  line.http_method = head.method;
  line.health_check = head.path.substr(0, kGrpcHealth.size()) == kGrpcHealth;
  if (method_ != nullptr) {
    line.route = route_;
    line.method = method_->full_name;
  } else {
    line.path = head.path;
  }
  line.upstream = env_.upstream_names[upstream_];
  line.http_status = http_status;
  line.code = code;
  line.bytes_in = bytes_in_;
  line.bytes_out = bytes_out_;
  line.duration = absl::Nanoseconds(upstream::TimerQueue::Now() - started_ns_);
  line.reason = denied_reason_;
  env_.call_log->Write(line);
}

}  // namespace stratus::gateway::proxy
