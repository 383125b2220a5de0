#include "gateway/proxy/transcoded_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/proxy/error_reply.h"
#include "gateway/proxy/http_body.h"
#include "gateway/proxy/media_type.h"
#include "lib/core/status.h"

namespace stratus::gateway::proxy {

void TranscodedCall::Start(http::Exchange* exchange, std::shared_ptr<WorkerSnapshot> snapshot,
                           const route::Match& match) {
  route_ = &(*snapshot)->route(match.route);
  match_ = match;
  Begin(exchange, std::move(snapshot), route_->method, route_->path_template);
  streams_in_ = method_->client_streaming && route_->body != BodyKind::kNone;
  reader_.Reset(env_.settings.response_bytes_max);
  if (absl::Status status = TakeTimeout(); !status.ok()) return Fail(status);
  if (request().has_body && !streams_in_) AwaitBody(TimeoutNs(method_->server_streaming));
  Authorize(*method_->policy);
}

void TranscodedCall::BeginDetached(http::Exchange* exchange, std::shared_ptr<WorkerSnapshot> snapshot) {
  match_.captures.clear();
  const http::RequestHead& head = exchange->request();
  (*snapshot)->router().Find(head.method, head.path, &match_);  // it was found before
  route_ = &(*snapshot)->route(match_.route);
  SetDetached();
  Begin(exchange, std::move(snapshot), route_->method, route_->path_template);
  authorized_ = true;
  reader_.Reset(env_.settings.response_bytes_max);
}

void TranscodedCall::OnAuthorized() {
  if (!AcceptsBody()) return;
  if (streams_in_) return StartIncoming();
  if (decoder_ != nullptr) {
    coded_.Add(body_.view());
    body_.Clear();
    return DecodeBody();
  }
  if (withheld_ > 0) exchange_->BodyConsumed(withheld_);
  withheld_ = 0;
  if (!body_.empty()) {
    Buffer early;
    std::swap(early, body_);
    if (!TakeBody(early.view())) return;
  }
  if (body_complete_ || !request().has_body) Dispatch();
}

void TranscodedCall::OnDenied(const auth::Outcome& outcome) {
  const absl::Status status = auth::ToStatus(outcome, *policy_);
  const std::string challenge = auth::WwwAuthenticate(outcome, *policy_);
  Reply(core::ToProto(status), core::HttpStatusOf(status.code()), {"www-authenticate", challenge});
}

// Answers 413 and 415 as early as the head allows.
bool TranscodedCall::AcceptsBody() {
  const http::RequestHead& head = request();
  if (!head.has_body) return true;
  if (!streams_in_ && head.content_length > static_cast<int64_t>(env_.settings.request_body_bytes_max)) {
    return FailTooLarge();
  }
  if (!HasRoomForBody()) {
    Fail(NoRoom());
    return false;
  }
  const filter::ContentCoding coding = filter::ContentCodingOf(head.Find("content-encoding"));
  if (coding == filter::ContentCoding::kUnknown) {
    Reply(core::ToProto(absl::InvalidArgumentError(
              absl::StrCat("the content-encoding must be one of ", filter::kCodingNames, ", or none"))),
          415, {"accept-encoding", filter::kCodingNames});
    return false;
  }
  decoder_ = filter::MakeBodyReader(coding);
  if (route_->body == BodyKind::kNone || route_->http_body_in) return true;
  const std::string_view type = head.Find("content-type");
  if (IsJson(type) || (streams_in_ && IsNdjson(type))) return true;
  const std::string given =
      type.empty() ? "and there is none" : absl::StrCat("not `", core::ToAbsl(type.substr(0, 100)), "`");
  Fail(absl::InvalidArgumentError(absl::StrCat("the content-type must be application/json",
                                               streams_in_ ? " or application/x-ndjson" : "", ", ", given)),
       415);
  return false;
}

void TranscodedCall::OnBody(std::string_view piece) {
  bytes_in_ += piece.size();
  if (!exchange_->HasRoom(piece.size())) return FailRequest(NoRoom(), 0);
  if (!authorized_) {  // bounded by the credit that is not given
    body_.Append(piece);
    withheld_ += piece.size();
  } else if (streams_in_) {
    TakeIncoming(piece);
  } else if (decoder_ != nullptr) {
    withheld_ += piece.size();
    coded_.Add(piece);
    if (!coded_.pending()) DecodeBody();
  } else if (TakeBody(piece)) {
    exchange_->BodyConsumed(piece.size());
  }
}

bool TranscodedCall::TakeBody(std::string_view piece) {
  return Took(filter::AppendDecoded(nullptr, piece, env_.settings.request_body_bytes_max, &body_));
}

// Credit waits until all that came is decoded, so that the client cannot be far ahead.
void TranscodedCall::DecodeBody() {
  const auto has_room = [this](size_t more) { return exchange_->HasRoom(more); };
  if (!Took(coded_.Decode(decoder_.get(), env_.settings.request_body_bytes_max, &body_, has_room))) return;
  if (coded_.pending()) return;
  if (withheld_ > 0) exchange_->BodyConsumed(std::exchange(withheld_, 0));
  if (body_complete_) Dispatch();
}

bool TranscodedCall::Took(filter::DecodeResult result) {
  switch (result) {
    case filter::DecodeResult::kTaken: return true;
    case filter::DecodeResult::kNoRoom: Fail(NoRoom()); return false;
    case filter::DecodeResult::kNotItsCoding: Fail(absl::InvalidArgumentError(kNotItsCoding)); return false;
    case filter::DecodeResult::kTooLarge: break;
  }
  return FailTooLarge();
}

bool TranscodedCall::FailTooLarge() {
  Fail(absl::InvalidArgumentError(
           absl::StrCat("the request body is larger than ", env_.settings.request_body_bytes_max, " bytes")),
       413);
  return false;
}

void TranscodedCall::OnBodyEnd() {
  body_complete_ = true;
  if (!authorized_) return;
  if (streams_in_) {
    EndIncoming();
  } else if (!coded_.pending()) {
    Dispatch();
  }
}

void TranscodedCall::Dispatch() {
  StopAwaitingBody();
  if (method_->cacheable && AnswerFromCache()) return;
  SendRequest();
}

void TranscodedCall::SendRequest() {
  // What is made of a body is about as large, and exists twice for a moment.
  if (body_.size() > kBufferKept && !exchange_->HasRoom(2 * body_.size())) return Fail(NoRoom());
  if (absl::Status status = BuildFrame(); !status.ok()) {
    snapshot_->ResetWriter(match_.route);
    Fail(status);
    return;
  }
  Drop(&body_);
  StartUpstream();
  call_->Send(frame_.view(), true);
  Drop(&frame_);
}

// While the service works, a large request is held by the upstream call alone.
void TranscodedCall::Drop(Buffer* buffer) {
  buffer->Clear();
  buffer->Shrink(kBufferKept);
}

size_t TranscodedCall::held_bytes() const {
  return body_.capacity() + frame_.capacity() + coded_.held_bytes() + reader_.held_bytes() +
         (call_ == nullptr ? 0 : call_->unsent());
}

void TranscodedCall::StartUpstream() {
  const bool streaming = method_->server_streaming || method_->client_streaming;
  HeaderList metadata;
  if (declared_only_) {
    env_.headers->DeclaredMetadata(request(), method_->cache_vary, &metadata);
  } else {
    env_.headers->RequestMetadata(request(), &metadata);
  }
  AppendCommonMetadata(&metadata);
  upstream::CallHead head;
  head.path = method_->grpc_path;
  head.authority = env_.authorities[upstream_];
  head.metadata = metadata;
  head.timeout_ns = TimeoutNs(streaming);
  if (request().has_body) head.timeout_ns = TimeLeftNs(head.timeout_ns);
  head.idempotent = method_->idempotent;
  head.waits = method_->waits;
  head.streaming = streaming;
  // Not where client and service take turns: each would wait for the next reading.
  head.batch_reads = method_->server_streaming && !method_->client_streaming;
  call_ = cluster(upstream_).Start(head, this);
}

absl::Status TranscodedCall::BuildFrame() {
  frame_.Clear();
  frame_.Resize(kPrefixBytes);
  if (absl::Status status = AppendBody(); !status.ok()) return status;
  if (absl::Status status = AppendParameters(&frame_); !status.ok()) return status;
  WritePrefix(frame_.size() - kPrefixBytes, frame_.data());
  return absl::OkStatus();
}

absl::Status TranscodedCall::AppendBody() {
  if (decoder_ != nullptr && !decoder_->complete()) return absl::InvalidArgumentError(kCutCoding);
  if (route_->body == BodyKind::kNone) {
    if (body_.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError("this method takes no request body");
  }
  if (route_->http_body_in) {
    AppendHttpBody({request().Find("content-type"), body_.view()}, route_->body_field_number, &frame_);
    return absl::OkStatus();
  }
  if (body_.empty()) return absl::OkStatus();
  if (route_->body == BodyKind::kWhole) {
    return transcode::JsonToWire(*method_->input, body_.view(), env_.settings.input, &frame_);
  }
  return transcode::JsonToField(*method_->input, *route_->body_field, body_.view(), env_.settings.input, &frame_);
}

absl::Status TranscodedCall::AppendParameters(Buffer* out) {
  const http::RequestHead& head = request();
  if (match_.captures.empty() && head.query.empty() && route_->update_mask == nullptr) return absl::OkStatus();
  transcode::ParameterWriter& writer = snapshot_->WriterOf(match_.route);
  for (const route::Capture& capture : match_.captures) {
    scratch_.clear();
    if (!route::Decode(capture, &scratch_)) {
      return core::InvalidField((*snapshot_)->router().variables(match_.route)[capture.variable],
                                "has a malformed percent-escape in the path");
    }
    absl::Status status = writer.AddPathValue(route_->variables[capture.variable], scratch_);
    if (!status.ok()) return status;
  }
  if (!head.query.empty()) {
    if (route_->body == BodyKind::kWhole) {
      return absl::InvalidArgumentError("this method takes no query parameters: every field is in the request body");
    }
    absl::Status status = writer.AddQuery(head.query, route_->consumed, env_.settings.input);
    if (!status.ok()) return status;
  }
  if (route_->update_mask != nullptr && !body_.empty() && !writer.Given(*route_->update_mask)) {
    absl::Status status =
        transcode::AppendBodyMask(*route_->update_mask, *route_->body_field, body_.view(), env_.settings.input, out);
    if (!status.ok()) return status;
  }
  return writer.Flush(out);
}

void TranscodedCall::OnHead(absl::Span<const http::Header> metadata) {
  StoreMetadata(metadata);
  OnReplyHead();
}

void TranscodedCall::StoreMetadata(absl::Span<const http::Header> metadata) {
  for (const http::Header& header : metadata) {
    if (header.name == "x-http-status") {
      const bool success = header.value.size() == 3 && header.value[0] == '2' && header.value[1] >= '0' &&
                           header.value[1] <= '9' && header.value[2] >= '0' && header.value[2] <= '9';
      if (success) reply_status_ = 200 + (header.value[1] - '0') * 10 + (header.value[2] - '0');
      continue;
    }
    const std::string_view name = env_.headers->ResponseName(header.name);
    if (name.empty()) continue;
    stored_.push_back({name, metadata_.size(), header.value.size()});
    metadata_.Append(header.value);
  }
}

void TranscodedCall::AppendStored(HeaderList* out) const {
  for (const StoredHeader& stored : stored_) {
    out->push_back({stored.name, metadata_.view().substr(stored.at, stored.size)});
  }
}

std::string_view TranscodedCall::StoredValue(std::string_view name) const {
  for (const StoredHeader& stored : stored_) {
    if (stored.name == name) return metadata_.view().substr(stored.at, stored.size);
  }
  return {};
}

HeaderList TranscodedCall::ReplyHeaders(std::string_view content_type) const {
  HeaderList headers;
  if (!content_type.empty()) headers.push_back({"content-type", content_type});
  AppendStored(&headers);
  AppendCommonHeaders(&headers);
  return headers;
}

void TranscodedCall::Fail(const absl::Status& status, int http_status) {
  CancelUpstream();
  FailWith(core::ToProto(status), http_status);
}

void TranscodedCall::FailWith(const google::rpc::Status& error, int http_status) {
  if (http_status == 0) http_status = core::HttpStatusOf(static_cast<absl::StatusCode>(error.code()));
  TakeBack();
  Reply(error, http_status, {});
}

void TranscodedCall::Reply(const google::rpc::Status& error, int http_status, http::Header extra) {
  http::Exchange* exchange = exchange_;
  HeaderList headers = ReplyHeaders("");
  // RFC 9110: every 401 says how to authenticate, also one that the service itself gave.
  if (http_status == 401 && extra.value.empty()) extra = {"www-authenticate", "Bearer"};
  if (!extra.value.empty()) headers.push_back(extra);
  Buffer text;
  AppendErrorJson(error, (*snapshot_)->schema(), env_.settings.output, &text);
  headers.push_back({"content-type", "application/json"});
  const std::string retry_after = http_status == 503 || http_status == 429 ? RetryAfterSeconds(error) : "";
  if (!retry_after.empty()) headers.push_back({"retry-after", retry_after});
  bytes_out_ = text.size();
  exchange->StartBody(http_status, headers).Append(text.view());
  Finish(http_status, static_cast<absl::StatusCode>(error.code()));
  exchange->FinishBody();
}

void TranscodedCall::Clear() {
  route_ = nullptr;
  Drop(&body_);
  Drop(&frame_);
  reader_.Release();
  if (incoming_ != nullptr) incoming_->Release();
  withheld_ = 0;
  body_complete_ = streams_in_ = half_closed_ = declared_only_ = false;
  decoder_.reset();
  coded_.Reset();
  metadata_.Clear();
  metadata_.Shrink(kBufferKept);
  stored_.clear();
  reply_status_ = 200;
}

}  // namespace stratus::gateway::proxy
