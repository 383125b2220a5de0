#include "gateway/proxy/pass_through_call.h"

#include "absl/strings/str_cat.h"
#include "gateway/proxy/error_reply.h"
#include "lib/core/status.h"

namespace stratus::gateway::proxy {

void PassThroughCall::Start(http::Exchange* exchange, std::shared_ptr<WorkerSnapshot> snapshot) {
  path_ = exchange->request().path;
  const Method* method = (*snapshot)->FindMethod(path_);
  Begin(exchange, std::move(snapshot), method, path_);
  request_ended_ = !request().has_body;
  if (method != nullptr) {
    Authorize(*method->policy);
    return;
  }
  // Health, reflection and whatever else the rules allow, although the descriptors do not hold it.
  const auth::Policy& policy = (*snapshot_)->policies().Find(path_);
  const int upstream = (*snapshot_)->UpstreamOf(path_);
  if (upstream < 0 || policy.kind == auth::Policy::Kind::kDenied) {
    Fail(absl::UnimplementedError(absl::StrCat("unknown method ", core::ToAbsl(path_.substr(0, 200)))));
    return;
  }
  upstream_ = static_cast<size_t>(upstream);
  Authorize(policy);
}

void PassThroughCall::OnAuthorized() { StartUpstream(); }

void PassThroughCall::OnDenied(const auth::Outcome& outcome) { Fail(auth::ToStatus(outcome, *policy_)); }

void PassThroughCall::StartUpstream() {
  const bool streaming = method_ == nullptr || method_->client_streaming || method_->server_streaming;
  HeaderList metadata;
  env_.headers->PassThroughMetadata(request(), &metadata);
  AppendCommonMetadata(&metadata);
  upstream::CallHead head;
  head.path = path_;
  head.authority = env_.authorities[upstream_];
  head.metadata = metadata;
  head.content_type = request().Find("content-type");
  head.timeout_ns = TimeoutNs(streaming);
  head.idempotent = method_ != nullptr && method_->idempotent;
  head.streaming = streaming;
  call_ = cluster(upstream_).Start(head, this);
  if (early_.empty() && !request_ended_) return;
  call_->Send(early_.view(), request_ended_);
  body_uncredited_ += early_.size();
  early_.Clear();
  OnDrained();
}

void PassThroughCall::OnBody(std::string_view piece) {
  bytes_in_ += piece.size();
  if (call_ == nullptr) {
    early_.Append(piece);  // its credit is given once it has been sent on
    return;
  }
  call_->Send(piece, false);
  body_uncredited_ += piece.size();
  OnDrained();
}

void PassThroughCall::OnBodyEnd() {
  request_ended_ = true;
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

void PassThroughCall::StartResponse(absl::Span<const http::Header> metadata) {
  response_started_ = true;
  HeaderList headers;
  bool typed = false;
  for (const http::Header& header : metadata) {
    if (!HeaderMap::PassesBack(header.name)) continue;
    typed |= header.name == "content-type";
    headers.push_back(header);
  }
  if (!typed) headers.push_back({"content-type", "application/grpc"});
  AppendCommonHeaders(&headers);
  exchange_->StartStream(200, headers);
}

void PassThroughCall::OnHead(absl::Span<const http::Header> metadata) {
  StartResponse(metadata);
  exchange_->Flush();
}

void PassThroughCall::OnData(std::string_view piece) {
  bytes_out_ += piece.size();
  exchange_->stream_buffer().Append(piece);
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
  if (!response_started_) StartResponse({});
  HeaderList kept;
  for (const http::Header& header : trailers) {
    if (header.name != "content-type" && HeaderMap::PassesBack(header.name)) kept.push_back(header);
  }
  http::Exchange* exchange = exchange_;
  Finish(200, status.code());
  exchange->EndStream(kept);
}

void PassThroughCall::Fail(const absl::Status& status) {
  CancelUpstream();
  if (!response_started_) StartResponse({});
  http::Exchange* exchange = exchange_;
  const ErrorTrailers trailers(status);
  Finish(200, status.code());
  exchange->EndStream(trailers.headers);
}

void PassThroughCall::Recycle() {
  early_.Clear();
  early_.Shrink(64 << 10);
  request_ended_ = response_started_ = false;
  body_uncredited_ = data_uncredited_ = 0;
  pool_->Give(this);
}

}  // namespace stratus::gateway::proxy
