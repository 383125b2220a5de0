#include "gateway/proxy/stream_call.h"

#include "absl/strings/str_cat.h"
#include "gateway/proxy/error_reply.h"
#include "gateway/proxy/http_body.h"
#include "lib/core/status.h"

namespace stratus::gateway::proxy {

StreamCall::StreamCall(Environment* environment, CallPool<StreamCall>* pool)
    : TranscodedCall(environment), pool_(pool) {}

void StreamCall::OnReplyHead() {
  std::string joined;
  format_ = ChooseStreamFormat(request().FindList("accept", &joined));
  head_only_ = request().method == "HEAD";
  // An EventSource shows itself open as soon as the head is there; the first event may be long in coming.
  if (format_ == StreamFormat::kServerSent && !route().http_body_out && !head_only_) {
    StartStream(ContentTypeOf(format_));
    exchange_->Flush();
  }
}

void StreamCall::StartStream(std::string_view content_type) {
  started_ = true;
  HeaderList headers = ReplyHeaders(content_type);
  if (format_ == StreamFormat::kServerSent) headers.push_back({"cache-control", "no-cache"});
  exchange_->StartStream(reply_status(), headers);
}

void StreamCall::OnData(std::string_view piece) {
  const size_t size = piece.size();
  if (!exchange_->HasRoom(size)) return Break(NoRoom());
  if (!TakeMessages(piece)) return;
  if (exchange_->backlog() > http::Exchange::kBacklogHigh) {
    uncredited_ += size;
  } else {
    call_->Consumed(size);
  }
}

// False when the call has ended.
bool StreamCall::TakeMessages(std::string_view piece) {
  bool any = false;
  while (!piece.empty()) {
    std::string_view message;
    absl::Status status;
    switch (reader().Next(&piece, &message)) {
      case MessageReader::Result::kMessage:
        status = WriteMessage(message);
        any = true;
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
    if (!status.ok()) {
      Break(status);
      return false;
    }
    if (any && head_only_) {
      CancelUpstream();
      EndInOrder();
      return false;
    }
  }
  if (any) exchange_->Flush();
  return true;
}

absl::Status StreamCall::WriteMessage(std::string_view message) {
  if (route().http_body_out) return WriteHttpBody(message);
  if (head_only_) return absl::OkStatus();
  if (!started_) StartStream(ContentTypeOf(format_));
  Buffer& out = exchange_->stream_buffer();
  const size_t before = out.size();
  switch (format_) {
    case StreamFormat::kArray: out.Append(messages_ == 0 ? '[' : ','); break;
    case StreamFormat::kServerSent: out.Append(std::string_view("data: ")); break;
    case StreamFormat::kNdjson: break;
  }
  absl::Status status =
      route().response_field == nullptr
          ? transcode::WireToJson(*method_->output, message, env_.settings.output, &out)
          : transcode::FieldToJson(*method_->output, *route().response_field, message, env_.settings.output, &out);
  if (!status.ok()) {
    out.Truncate(before);
    return status;
  }
  if (format_ == StreamFormat::kNdjson) out.Append('\n');
  if (format_ == StreamFormat::kServerSent) out.Append(std::string_view("\n\n"));
  ++messages_;
  bytes_out_ += out.size() - before;
  return absl::OkStatus();
}

absl::Status StreamCall::WriteHttpBody(std::string_view message) {
  HttpBodyView body;
  if (!ParseHttpBody(message, route().response_field_number, &body)) {
    return absl::InternalError("the service's HttpBody is malformed");
  }
  if (!started_) {
    StartStream(IsHeaderSafe(body.content_type) ? body.content_type : std::string_view("application/octet-stream"));
  }
  if (head_only_) return absl::OkStatus();
  exchange_->stream_buffer().Append(body.data);
  bytes_out_ += body.data.size();
  ++messages_;
  return absl::OkStatus();
}

void StreamCall::OnClientDrained() {
  if (exchange_->backlog() > http::Exchange::kBacklogHigh || uncredited_ == 0) return;
  const size_t credit = uncredited_;
  uncredited_ = 0;
  call_->Consumed(credit);
}

void StreamCall::OnEnd(const absl::Status& status, absl::Span<const http::Header> trailers) {
  call_ = nullptr;
  if (!status.ok()) {
    const google::rpc::Status error = StatusFromTrailers(status, trailers);
    if (started_) {
      EndBroken(error);
    } else {
      FailWith(error);
    }
    return;
  }
  if (reader().partial()) {
    Break(absl::InternalError("the service's last message is incomplete"));
    return;
  }
  EndInOrder();
}

void StreamCall::EndInOrder() {
  http::Exchange* exchange = exchange_;
  if (!started_) StartStream(route().http_body_out ? "application/octet-stream" : ContentTypeOf(format_));
  if (format_ == StreamFormat::kArray && !route().http_body_out && !head_only_) {
    exchange->stream_buffer().Append(messages_ == 0 ? std::string_view("[]") : std::string_view("]"));
  }
  Finish(reply_status(), absl::StatusCode::kOk);
  exchange->EndStream();
}

void StreamCall::Break(const absl::Status& status, int http_status) {
  CancelUpstream();
  if (started_) {
    EndBroken(core::ToProto(status));
  } else {
    FailWith(core::ToProto(status), http_status);
  }
}

void StreamCall::EndBroken(const google::rpc::Status& error) {
  http::Exchange* exchange = exchange_;
  if (!route().http_body_out) {
    Buffer& out = exchange->stream_buffer();
    switch (format_) {
      case StreamFormat::kArray: out.Append(messages_ == 0 ? '[' : ','); break;
      case StreamFormat::kServerSent: out.Append(std::string_view("event: error\ndata: ")); break;
      case StreamFormat::kNdjson: break;
    }
    out.Append(std::string_view("{\"error\":"));
    AppendErrorJson(error, (*snapshot_)->schema(), env_.settings.output, &out);
    out.Append('}');
    if (format_ == StreamFormat::kNdjson) out.Append('\n');
    if (format_ == StreamFormat::kServerSent) out.Append(std::string_view("\n\n"));
    exchange->Flush();
  }
  Finish(reply_status(), static_cast<absl::StatusCode>(error.code()));
  exchange->Abort();
}

void StreamCall::Recycle() {
  Clear();
  started_ = head_only_ = false;
  format_ = StreamFormat::kArray;
  messages_ = 0;
  uncredited_ = 0;
  pool_->Give(this);
}

}  // namespace stratus::gateway::proxy
