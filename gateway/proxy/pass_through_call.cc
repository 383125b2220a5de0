#include "gateway/proxy/pass_through_call.h"

#include "absl/strings/str_cat.h"
#include "gateway/proxy/error_reply.h"
#include "gateway/proxy/reflection_cluster.h"
#include "lib/core/status.h"

namespace stratus::gateway::proxy {
namespace {

constexpr std::string_view kHealth = "/grpc.health.v1.Health/";
constexpr std::string_view kHealthCheck = "/grpc.health.v1.Health/Check";
// A HealthCheckResponse that says NOT_SERVING, with its gRPC prefix.
constexpr std::string_view kNotServing("\0\0\0\0\x02\x08\x02", 7);

}  // namespace

void PassThroughCall::Start(http::Exchange* exchange, std::shared_ptr<WorkerSnapshot> snapshot, WebForm web) {
  path_ = exchange->request().path;
  const Method* method = (*snapshot)->FindMethod(path_);
  Begin(exchange, std::move(snapshot), method, path_);
  request_ended_ = !request().has_body;
  request_form_ = web;
  response_form_ = web == WebForm::kNone ? web : ResponseForm(web, request().Find("accept"));
  if (absl::Status status = TakeTimeout(); !status.ok()) return Fail(status);
  // No upstream knows what the others serve.
  if (IsReflectionPath(path_)) {
    upstream_ = env_.reflection;
    Authorize((*snapshot_)->policies().Find(path_));
    return;
  }
  if (method != nullptr) {
    Authorize(*method->policy);
    return;
  }
  // Health and whatever else the rules allow, although the descriptors do not hold it.
  const auth::Policy& policy = (*snapshot_)->policies().Find(path_);
  const int upstream = (*snapshot_)->UpstreamOf(path_);
  if (upstream < 0 || policy.kind == auth::Policy::Kind::kDenied) {
    Fail(absl::UnimplementedError(absl::StrCat("unknown method ", core::ToAbsl(path_.substr(0, 200)))));
    return;
  }
  upstream_ = static_cast<size_t>(upstream);
  Authorize(policy);
}

void PassThroughCall::OnAuthorized() {
  if (env_.draining && path_.starts_with(kHealth)) return AnswerNotServing();
  StartUpstream();
}

// Who asks at the door whether to send calls there must hear that it closes, however well the service behind it is.
void PassThroughCall::AnswerNotServing() {
  OnHead({});
  AppendWeb(response_form_, kNotServing, &exchange_->stream_buffer());
  exchange_->Flush();
  // A Watch ends, and its client asks another gateway.
  const absl::Status status =
      path_ == kHealthCheck ? absl::OkStatus() : absl::UnavailableError("this gateway is on its way out");
  EndResponse(ErrorTrailers(status).headers, status.code());
}

void PassThroughCall::OnDenied(const auth::Outcome& outcome) { Fail(auth::ToStatus(outcome, *policy_)); }

void PassThroughCall::StartUpstream() {
  const bool streaming = method_ == nullptr || method_->client_streaming || method_->server_streaming;
  HeaderList metadata;
  env_.headers->PassThroughMetadata(request(), request_form_ != WebForm::kNone, &metadata);
  AppendCommonMetadata(&metadata);
  upstream::CallHead head;
  head.path = path_;
  head.authority = env_.authorities[upstream_];
  head.metadata = metadata;
  const std::string grpc_type = request_form_ == WebForm::kNone ? "" : GrpcContentType(request().Find("content-type"));
  head.content_type = request_form_ == WebForm::kNone ? request().Find("content-type") : std::string_view(grpc_type);
  head.timeout_ns = TimeoutNs(streaming);
  head.idempotent = method_ != nullptr && method_->idempotent;
  head.waits = method_ != nullptr && method_->waits;
  head.streaming = streaming;
  if (streaming) exchange_->AllowPauses();
  call_ = cluster(upstream_).Start(head, this);
  if (early_.empty() && !request_ended_) return;
  call_->Send(early_.view(), request_ended_);
  early_.Clear();
  OnDrained();
}

void PassThroughCall::OnBody(std::string_view piece) {
  bytes_in_ += piece.size();
  body_uncredited_ += piece.size();
  if (!exchange_->HasRoom(piece.size())) return Fail(NoRoom());
  if (!Decode(&piece)) return;
  if (call_ == nullptr) {
    early_.Append(piece);  // its credit is given once it has been sent on
    return;
  }
  call_->Send(piece, false);
  OnDrained();
}

bool PassThroughCall::Decode(std::string_view* piece) {
  if (request_form_ != WebForm::kText) return true;
  decoded_.Clear();
  if (!base64_.Read(*piece, &decoded_)) {
    Fail(absl::InvalidArgumentError("the request body is not base64"));
    return false;
  }
  *piece = decoded_.view();
  return true;
}

void PassThroughCall::OnBodyEnd() {
  request_ended_ = true;
  if (!base64_.complete()) return Fail(absl::InvalidArgumentError("the request body ends in the middle of its base64"));
  if (call_ != nullptr) call_->Send({}, true);
}

void PassThroughCall::OnDrained() {
  if (call_ == nullptr) return;
  if (body_uncredited_ > 0 && call_->unsent() < upstream::Call::kUnsentHigh) {
    const size_t credit = body_uncredited_;
    body_uncredited_ = 0;
    exchange_->BodyConsumed(credit);
  }
  if (data_uncredited_ > 0 && exchange_->backlog() < http::Exchange::kBacklogHigh) {
    const size_t credit = data_uncredited_;
    data_uncredited_ = 0;
    call_->Consumed(credit);
  }
}

HeaderList PassThroughCall::ResponseHeaders(absl::Span<const http::Header> metadata) {
  HeaderList headers;
  std::string_view type = "application/grpc";
  for (const http::Header& header : metadata) {
    if (!HeaderMap::PassesBack(header.name)) continue;
    if (header.name == "content-type") {
      type = header.value;
    } else {
      headers.push_back(header);
    }
  }
  if (response_form_ != WebForm::kNone) {
    web_content_type_ = WebContentType(response_form_, type);
    type = web_content_type_;
  }
  headers.push_back({"content-type", type});
  AppendCommonHeaders(&headers);
  return headers;
}

void PassThroughCall::OnHead(absl::Span<const http::Header> metadata) {
  response_started_ = true;
  exchange_->StartStream(200, ResponseHeaders(metadata));
  exchange_->Flush();
}

size_t PassThroughCall::held_bytes() const {
  return early_.capacity() + decoded_.capacity() + (call_ == nullptr ? 0 : call_->unsent());
}

void PassThroughCall::OnData(std::string_view piece) {
  if (!exchange_->HasRoom(piece.size())) return Fail(NoRoom());
  bytes_out_ += piece.size();
  AppendWeb(response_form_, piece, &exchange_->stream_buffer());
  exchange_->Flush();
  data_uncredited_ += piece.size();
  OnDrained();
}

void PassThroughCall::OnEnd(const absl::Status& status, absl::Span<const http::Header> trailers) {
  call_ = nullptr;
  if (trailers.empty()) {
    Fail(status);
    return;
  }
  EndResponse(trailers, status.code());
}

void PassThroughCall::Fail(const absl::Status& status) {
  CancelUpstream();
  EndResponse(ErrorTrailers(status).headers, status.code());
}

void PassThroughCall::EndResponse(absl::Span<const http::Header> trailers, absl::StatusCode code) {
  http::Exchange* exchange = exchange_;
  // gRPC-Web's trailers-only response has them among its headers, and no body.
  if (!response_started_ && response_form_ != WebForm::kNone) {
    exchange->StartBody(200, ResponseHeaders(trailers));
    Finish(200, code);
    exchange->FinishBody();
    return;
  }
  if (!response_started_) exchange->StartStream(200, ResponseHeaders({}));
  HeaderList kept;
  for (const http::Header& header : trailers) {
    if (header.name != "content-type" && HeaderMap::PassesBack(header.name)) kept.push_back(header);
  }
  if (response_form_ != WebForm::kNone) {
    AppendWebTrailers(response_form_, kept, &exchange->stream_buffer());
    kept.clear();
  }
  Finish(200, code);
  exchange->EndStream(kept);
}

void PassThroughCall::Recycle() {
  early_.Clear();
  early_.Shrink(64 << 10);
  decoded_.Clear();
  decoded_.Shrink(64 << 10);
  base64_.Reset();
  request_form_ = response_form_ = WebForm::kNone;
  request_ended_ = response_started_ = false;
  body_uncredited_ = data_uncredited_ = 0;
  pool_->Give(this);
}

}  // namespace stratus::gateway::proxy
