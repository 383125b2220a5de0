#include "gateway/proxy/connect_call.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/proxy/error_reply.h"
#include "lib/core/status.h"

namespace stratus::gateway::proxy {
namespace {

constexpr size_t kBufferKept = 64 << 10;

absl::Status TooLarge(size_t bytes_max) {
  return absl::ResourceExhaustedError(absl::StrCat("a message of the request is larger than ", bytes_max, " bytes"));
}

// What is Connect's own, or about the body's form.
bool StaysHere(std::string_view name) {
  return absl::StartsWith(core::ToAbsl(name), "connect-") || name == "content-encoding";
}

}  // namespace

void ConnectCall::Start(http::Exchange* exchange, std::shared_ptr<WorkerSnapshot> snapshot, const Method& method,
                        ConnectForm form) {
  form_ = form;
  Begin(exchange, std::move(snapshot), &method, method.grpc_path);
  request_ended_ = !request().has_body;
  requests_.Reset(env_.settings.request_body_bytes_max);
  replies_.Reset(env_.settings.response_bytes_max);
  if (RefuseForm()) return;
  if (absl::Status status = CheckHead(); !status.ok()) return Fail(status);
  if (request().has_body && !HasRoomForBody()) return Fail(NoRoom());
  if (request().has_body && !form_.streaming) AwaitBody(ClampTimeoutNs(AskedTimeoutNs(), false));
  Authorize(*method_->policy);
}

// A streaming method cannot be called as a unary one, nor the other way round: 415, says the protocol.
bool ConnectCall::RefuseForm() {
  const bool streaming = method_->client_streaming || method_->server_streaming;
  if (form_.streaming == streaming) return false;
  http::Exchange* exchange = exchange_;
  HeaderList headers = {{"accept-post", streaming ? "application/connect+json, application/connect+proto"
                                                  : "application/json, application/proto"}};
  AppendCommonHeaders(&headers);
  exchange->StartBody(415, headers);
  Finish(415, absl::StatusCode::kUnimplemented);
  exchange->FinishBody();
  return true;
}

absl::Status ConnectCall::CheckHead() {
  const http::RequestHead& head = request();
  const std::string_view version = head.Find("connect-protocol-version");
  if (!version.empty() && version != "1") {
    return absl::InvalidArgumentError("connect-protocol-version must be 1");
  }
  if (const std::string_view timeout = head.Find("connect-timeout-ms");
      !timeout.empty() && ParseConnectTimeout(timeout) < 0) {
    return absl::InvalidArgumentError("connect-timeout-ms must be a number of at most 10 digits");
  }
  if (head.method == "GET") {
    auto get = ParseConnectGet(head.query);
    if (!get.ok()) return get.status();
    form_.json = get->json;
    decoder_ = filter::MakeBodyReader(get->coding);
    body_.Append(get->message);
    return absl::OkStatus();
  }
  const char* const name = form_.streaming ? "connect-content-encoding" : "content-encoding";
  const filter::ContentCoding coding = filter::ContentCodingOf(head.Find(name));
  if (coding == filter::ContentCoding::kUnknown) {
    return absl::UnimplementedError(absl::StrCat("the ", name, " must be one of ", filter::kCodingNames, ", or none"));
  }
  if (!form_.streaming) {
    decoder_ = filter::MakeBodyReader(coding);
  } else if (coding != filter::ContentCoding::kIdentity) {
    coding_ = coding;
    requests_.Reset(env_.settings.request_body_bytes_max, true);
  }
  return absl::OkStatus();
}

void ConnectCall::OnDenied(const auth::Outcome& outcome) {
  challenge_ = auth::WwwAuthenticate(outcome, *policy_);
  Fail(auth::ToStatus(outcome, *policy_));
}

void ConnectCall::OnAuthorized() {
  Buffer early;
  std::swap(early, body_);
  if (form_.streaming) {
    exchange_->AllowPauses();
    StartUpstream();
    if (absl::Status status = SendMessages(early.view()); !status.ok()) return Fail(status);
    if (request_ended_) return EndRequests();
    return OnDrained();
  }
  if (decoder_ != nullptr) {
    coded_.Add(early.view());
    return DecodeBody();
  }
  if (absl::Status status = TakeBody(early.view()); !status.ok()) return Fail(status);
  if (body_uncredited_ > 0) exchange_->BodyConsumed(std::exchange(body_uncredited_, 0));
  if (request_ended_) Dispatch();
}

void ConnectCall::OnBody(std::string_view piece) {
  bytes_in_ += piece.size();
  body_uncredited_ += piece.size();
  if (!exchange_->HasRoom(piece.size())) return Fail(NoRoom());
  if (!authorized_) {  // bounded by the credit that is not given
    body_.Append(piece);
    return;
  }
  if (decoder_ != nullptr) {
    coded_.Add(piece);
    if (!coded_.pending()) DecodeBody();
    return;
  }
  const absl::Status status = form_.streaming ? SendMessages(piece) : TakeBody(piece);
  if (!status.ok()) return Fail(status);
  if (form_.streaming) return OnDrained();
  exchange_->BodyConsumed(std::exchange(body_uncredited_, 0));
}

void ConnectCall::OnBodyEnd() {
  request_ended_ = true;
  if (!authorized_) return;
  if (form_.streaming) {
    EndRequests();
  } else if (!coded_.pending()) {
    Dispatch();
  }
}

void ConnectCall::OnDrained() {
  if (call_ == nullptr) return;
  if (body_uncredited_ > 0 && !request_ended_ && call_->unsent() < upstream::Call::kUnsentHigh) {
    exchange_->BodyConsumed(std::exchange(body_uncredited_, 0));
  }
  if (data_uncredited_ > 0 && exchange_->backlog() < http::Exchange::kBacklogHigh) {
    call_->Consumed(std::exchange(data_uncredited_, 0));
  }
}

int64_t ConnectCall::AskedTimeoutNs() const {
  const std::string_view text = request().Find("connect-timeout-ms");
  return text.empty() ? -1 : ParseConnectTimeout(text);
}

void ConnectCall::StartUpstream() {
  HeaderList all;
  env_.headers->PassThroughMetadata(request(), true, &all);
  HeaderList metadata;
  for (const http::Header& header : all) {
    if (!StaysHere(header.name)) metadata.push_back(header);
  }
  AppendCommonMetadata(&metadata);
  upstream::CallHead head;
  head.path = method_->grpc_path;
  head.authority = env_.authorities[upstream_];
  head.metadata = metadata;
  head.timeout_ns = ClampTimeoutNs(AskedTimeoutNs(), form_.streaming);
  if (request().has_body && !form_.streaming) head.timeout_ns = TimeLeftNs(head.timeout_ns);
  head.idempotent = method_->idempotent;
  head.waits = method_->waits;
  head.streaming = form_.streaming;
  head.batch_reads = method_->server_streaming && !method_->client_streaming;
  call_ = cluster(upstream_).Start(head, this);
}

// `wrong`: what is said of bytes that `decoder` cannot read.
absl::Status ConnectCall::Decode(filter::BodyReader* decoder, std::string_view piece, const char* wrong, Buffer* out) {
  const auto has_room = [this](size_t more) { return exchange_->HasRoom(more); };
  return StatusOf(filter::AppendDecoded(decoder, piece, env_.settings.request_body_bytes_max, out, has_room), wrong);
}

absl::Status ConnectCall::StatusOf(filter::DecodeResult result, const char* wrong) const {
  switch (result) {
    case filter::DecodeResult::kTaken: return absl::OkStatus();
    case filter::DecodeResult::kNoRoom: return NoRoom();
    case filter::DecodeResult::kNotItsCoding: return absl::InvalidArgumentError(wrong);
    case filter::DecodeResult::kTooLarge: break;
  }
  return TooLarge(env_.settings.request_body_bytes_max);
}

absl::Status ConnectCall::AppendMessage(std::string_view bytes, Buffer* frame) {
  const size_t start = frame->size();
  frame->Resize(start + kPrefixBytes);
  if (!form_.json) {
    frame->Append(bytes);
  } else if (!bytes.empty()) {
    absl::Status status = transcode::JsonToWire(*method_->input, bytes, env_.settings.input, frame);
    if (!status.ok()) return status;
  }
  WritePrefix(frame->size() - start - kPrefixBytes, frame->data() + start);
  return absl::OkStatus();
}

// --- Unary.

absl::Status ConnectCall::TakeBody(std::string_view piece) { return Decode(nullptr, piece, "", &body_); }

// Credit waits until all that came is decoded, so that the client cannot be far ahead.
void ConnectCall::DecodeBody() {
  const auto has_room = [this](size_t more) { return exchange_->HasRoom(more); };
  const filter::DecodeResult result =
      coded_.Decode(decoder_.get(), env_.settings.request_body_bytes_max, &body_, has_room);
  const absl::Status status = StatusOf(result, "the request body is not what its content-encoding says");
  if (!status.ok()) return Fail(status);
  if (coded_.pending()) return;
  if (body_uncredited_ > 0) exchange_->BodyConsumed(std::exchange(body_uncredited_, 0));
  if (request_ended_) Dispatch();
}

void ConnectCall::Dispatch() {
  StopAwaitingBody();
  if (body_.size() > kBufferKept && !exchange_->HasRoom(2 * body_.size())) return Fail(NoRoom());
  if (decoder_ != nullptr && !decoder_->complete()) {
    return Fail(absl::InvalidArgumentError("the request body ends in the middle of its content-encoding"));
  }
  frame_.Clear();
  if (absl::Status status = AppendMessage(body_.view(), &frame_); !status.ok()) return Fail(status);
  Drop(&body_);
  StartUpstream();
  call_->Send(frame_.view(), true);
  Drop(&frame_);
}

// While the service works, a large request is held by the upstream call alone.
void ConnectCall::Drop(Buffer* buffer) {
  buffer->Clear();
  buffer->Shrink(kBufferKept);
}

size_t ConnectCall::held_bytes() const {
  return body_.capacity() + frame_.capacity() + reply_.capacity() + decoded_.capacity() + coded_.held_bytes() +
         requests_.held_bytes() + replies_.held_bytes() + (call_ == nullptr ? 0 : call_->unsent());
}

absl::Status ConnectCall::TakeReply(std::string_view message) {
  if (std::exchange(replied_, true)) return absl::InternalError("the service sent two replies to a unary call");
  if (message.size() > kBufferKept && !exchange_->HasRoom(2 * message.size())) return NoRoom();
  if (form_.json) return transcode::WireToJson(*method_->output, message, env_.settings.output, &reply_);
  reply_.Append(message);
  return absl::OkStatus();
}

void ConnectCall::Reply(absl::Span<const http::Header> trailers) {
  http::Exchange* exchange = exchange_;
  HeaderList headers = {{"content-type", ContentTypeOf(form_)}};
  for (const auto& [name, value] : metadata_) headers.push_back({name, value});
  std::vector<std::string> names;
  names.reserve(trailers.size());
  for (const http::Header& trailer : trailers) {
    if (!PassesToConnect(trailer.name)) continue;
    names.push_back(absl::StrCat("trailer-", core::ToAbsl(trailer.name)));
    headers.push_back({names.back(), trailer.value});
  }
  AppendCommonHeaders(&headers);
  bytes_out_ = reply_.size();
  exchange->StartBody(200, headers).Append(reply_.view());
  Finish(200, absl::StatusCode::kOk);
  exchange->FinishBody();
}

// --- Streaming.

absl::Status ConnectCall::SendMessages(std::string_view piece) {
  frame_.Clear();
  while (!piece.empty()) {
    std::string_view message;
    switch (requests_.Next(&piece, &message)) {
      case MessageReader::Result::kMessage:
        if (absl::Status status = AppendStreamed(message); !status.ok()) return status;
        break;
      case MessageReader::Result::kNeedMore: break;
      case MessageReader::Result::kCompressed:
        return absl::InvalidArgumentError(
            "a message of the request is compressed without a connect-content-encoding, or flagged as none");
      case MessageReader::Result::kTooLong: return TooLarge(env_.settings.request_body_bytes_max);
    }
  }
  if (!frame_.empty()) call_->Send(frame_.view(), false);
  return absl::OkStatus();
}

absl::Status ConnectCall::AppendStreamed(std::string_view message) {
  if (!requests_.compressed()) return AppendMessage(message, &frame_);
  const auto decoder = filter::MakeBodyReader(coding_);
  decoded_.Clear();
  absl::Status status = Decode(decoder.get(), message,
                               "a message of the request is not what the connect-content-encoding says", &decoded_);
  if (!status.ok()) return status;
  if (!decoder->complete()) {
    return absl::InvalidArgumentError("a message of the request ends in the middle of its coding");
  }
  return AppendMessage(decoded_.view(), &frame_);
}

void ConnectCall::EndRequests() {
  if (requests_.partial()) return Fail(absl::InvalidArgumentError("the request body ends in the middle of a message"));
  call_->Send({}, true);
}

void ConnectCall::StartResponse(absl::Span<const http::Header> metadata) {
  response_started_ = true;
  HeaderList headers = {{"content-type", ContentTypeOf(form_)}};
  for (const http::Header& header : metadata) {
    if (PassesToConnect(header.name)) headers.push_back(header);
  }
  if (!challenge_.empty()) headers.push_back({"www-authenticate", challenge_});
  AppendCommonHeaders(&headers);
  exchange_->StartStream(200, headers);
}

absl::Status ConnectCall::WriteMessage(std::string_view message) {
  Buffer& out = exchange_->stream_buffer();
  const size_t start = out.size();
  out.Resize(start + kPrefixBytes);
  if (!form_.json) {
    out.Append(message);
  } else {
    absl::Status status = transcode::WireToJson(*method_->output, message, env_.settings.output, &out);
    if (!status.ok()) {
      out.Truncate(start);
      return status;
    }
  }
  WritePrefix(out.size() - start - kPrefixBytes, out.data() + start);
  bytes_out_ += out.size() - start;
  return absl::OkStatus();
}

void ConnectCall::EndStream(const google::rpc::Status* error, absl::Span<const http::Header> trailers) {
  http::Exchange* exchange = exchange_;
  if (!response_started_) StartResponse({});
  AppendConnectEnd(error, trailers, &exchange->stream_buffer());
  Finish(200, error == nullptr ? absl::StatusCode::kOk : static_cast<absl::StatusCode>(error->code()));
  exchange->EndStream();
}

// --- The reply.

void ConnectCall::OnHead(absl::Span<const http::Header> metadata) {
  if (form_.streaming) {
    StartResponse(metadata);
    exchange_->Flush();
    return;
  }
  for (const http::Header& header : metadata) {
    if (PassesToConnect(header.name)) metadata_.emplace_back(header.name, header.value);
  }
}

void ConnectCall::OnData(std::string_view piece) {
  const size_t size = piece.size();
  if (!exchange_->HasRoom(size)) return Fail(NoRoom());
  while (!piece.empty()) {
    std::string_view message;
    absl::Status status;
    switch (replies_.Next(&piece, &message)) {
      case MessageReader::Result::kMessage:
        status = form_.streaming ? WriteMessage(message) : TakeReply(message);
        break;
      case MessageReader::Result::kNeedMore: break;
      case MessageReader::Result::kCompressed:
        status = absl::InternalError("the service compressed its reply, which nobody asked for");
        break;
      case MessageReader::Result::kTooLong:
        status = absl::ResourceExhaustedError(
            absl::StrCat("a reply of the service is larger than ", env_.settings.response_bytes_max, " bytes"));
        break;
    }
    if (!status.ok()) return Fail(status);
  }
  data_uncredited_ += size;
  if (form_.streaming) exchange_->Flush();
  OnDrained();
}

void ConnectCall::OnEnd(const absl::Status& status, absl::Span<const http::Header> trailers) {
  call_ = nullptr;
  if (!status.ok()) return FailWith(StatusFromTrailers(status, trailers), trailers);
  if (replies_.partial()) return Fail(absl::InternalError("the service's last message is incomplete"));
  if (form_.streaming) return EndStream(nullptr, trailers);
  if (!replied_) return Fail(absl::InternalError("the service ended the call without a reply"));
  Reply(trailers);
}

void ConnectCall::Fail(const absl::Status& status) {
  CancelUpstream();
  FailWith(core::ToProto(status), {});
}

void ConnectCall::FailWith(const google::rpc::Status& error, absl::Span<const http::Header> trailers) {
  if (form_.streaming) return EndStream(&error, trailers);
  http::Exchange* exchange = exchange_;
  const int http_status = core::HttpStatusOf(static_cast<absl::StatusCode>(error.code()));
  HeaderList headers = {{"content-type", "application/json"}};
  if (http_status == 401) {
    headers.push_back({"www-authenticate", challenge_.empty() ? std::string_view("Bearer") : challenge_});
  }
  const std::string retry_after = http_status == 503 || http_status == 429 ? RetryAfterSeconds(error) : "";
  if (!retry_after.empty()) headers.push_back({"retry-after", retry_after});
  AppendCommonHeaders(&headers);
  Buffer text;
  AppendConnectError(error, &text);
  bytes_out_ = text.size();
  exchange->StartBody(http_status, headers).Append(text.view());
  Finish(http_status, static_cast<absl::StatusCode>(error.code()));
  exchange->FinishBody();
}

void ConnectCall::Recycle() {
  for (Buffer* buffer : {&body_, &frame_, &reply_, &decoded_}) Drop(buffer);
  requests_.Release();
  replies_.Release();
  decoder_.reset();
  coded_.Reset();
  coding_ = filter::ContentCoding::kIdentity;
  metadata_.clear();
  challenge_.clear();
  request_ended_ = replied_ = response_started_ = false;
  body_uncredited_ = data_uncredited_ = 0;
  pool_->Give(this);
}

}  // namespace stratus::gateway::proxy
