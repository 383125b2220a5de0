#include "gateway/proxy/unary_call.h"

#include "absl/strings/str_cat.h"
#include "gateway/proxy/error_reply.h"
#include "gateway/proxy/http_body.h"
#include "lib/core/status.h"

namespace stratus::gateway::proxy {
namespace {

constexpr int kBadGateway = 502;

}  // namespace

void UnaryCall::OnData(std::string_view piece) {
  const size_t size = piece.size();
  while (!piece.empty()) {
    std::string_view message;
    switch (reader().Next(&piece, &message)) {
      case MessageReader::Result::kMessage: {
        if (body_started_) {
          Fail(absl::InternalError("the service sent two replies to a unary call"));
          return;
        }
        if (absl::Status status = WriteReply(message); !status.ok()) {
          Fail(status);
          return;
        }
        break;
      }
      case MessageReader::Result::kNeedMore: break;
      case MessageReader::Result::kCompressed:
        Fail(absl::InternalError("the service compressed its reply, which nobody asked for"));
        return;
      case MessageReader::Result::kTooLong:
        Fail(absl::ResourceExhaustedError(
                 absl::StrCat("the service's reply is larger than ", env_.settings.response_bytes_max, " bytes")),
             kBadGateway);
        return;
    }
  }
  call_->Consumed(size);
}

absl::Status UnaryCall::WriteReply(std::string_view message) {
  body_started_ = true;
  if (route().http_body_out) {
    HttpBodyView body;
    if (!ParseHttpBody(message, route().response_field_number, &body)) {
      body_started_ = false;
      return absl::InternalError("the service's HttpBody is malformed");
    }
    const bool typed = IsHeaderSafe(body.content_type);
    Buffer& out = exchange_->StartBody(
        reply_status(), ReplyHeaders(typed ? body.content_type : std::string_view("application/octet-stream")));
    out.Append(body.data);
    bytes_out_ = body.data.size();
    return absl::OkStatus();
  }
  Buffer& out = exchange_->StartBody(reply_status(), ReplyHeaders("application/json"));
  const size_t before = out.size();
  absl::Status status =
      route().response_field == nullptr
          ? transcode::WireToJson(*method_->output, message, env_.settings.output, &out)
          : transcode::FieldToJson(*method_->output, *route().response_field, message, env_.settings.output, &out);
  bytes_out_ = out.size() - before;
  return status;
}

void UnaryCall::OnEnd(const absl::Status& status, absl::Span<const http::Header> trailers) {
  call_ = nullptr;
  if (!status.ok()) {
    FailWith(StatusFromTrailers(status, trailers));
    return;
  }
  if (!body_started_) {
    Fail(absl::InternalError("the service ended the call without a reply"));
    return;
  }
  http::Exchange* exchange = exchange_;
  Finish(reply_status(), absl::StatusCode::kOk);
  exchange->FinishBody();
}

void UnaryCall::TakeBack() {
  if (body_started_) exchange_->AbandonBody();
  body_started_ = false;
}

void UnaryCall::Recycle() {
  Clear();
  body_started_ = false;
  pool_->Give(this);
}

}  // namespace stratus::gateway::proxy
