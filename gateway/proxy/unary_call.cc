#include "gateway/proxy/unary_call.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/proxy/error_reply.h"
#include "gateway/proxy/http_body.h"
#include "lib/core/status.h"

namespace stratus::gateway::proxy {
namespace {

constexpr int kBadGateway = 502;
// A larger reply goes out as it is: compressing it would hold up everyone else on the loop.
constexpr size_t kCodedBytesMax = 2 << 20;
// A smaller message is written without asking for room.
constexpr size_t kRoomAsked = 64 << 10;

// A reply's tag is that of the message, which stands for its JSON as long as descriptors and options are the same.
uint64_t OutputBits(const transcode::OutputOptions& options) {
  return (options.always_print_fields_with_no_presence ? 1u : 0u) | (options.preserve_proto_field_names ? 2u : 0u) |
         (options.enums_as_integers ? 4u : 0u);
}

}  // namespace

void UnaryCall::OnData(std::string_view piece) {
  const size_t size = piece.size();
  if (!exchange_->HasRoom(size)) return FailReply(NoRoom());
  while (!piece.empty()) {
    std::string_view message;
    switch (reader().Next(&piece, &message)) {
      case MessageReader::Result::kMessage: {
        if (body_started_ || filling_ != nullptr) {
          FailReply(absl::InternalError("the service sent two replies to a unary call"));
          return;
        }
        if (absl::Status status = WriteReply(message); !status.ok()) {
          FailReply(status);
          return;
        }
        break;
      }
      case MessageReader::Result::kNeedMore: break;
      case MessageReader::Result::kCompressed:
        FailReply(absl::InternalError("the service compressed its reply, which nobody asked for"));
        return;
      case MessageReader::Result::kTooLong:
        FailReply(absl::ResourceExhaustedError(
                      absl::StrCat("the service's reply is larger than ", env_.settings.response_bytes_max, " bytes")),
                  kBadGateway);
        return;
    }
  }
  call_->Consumed(size);
}

void UnaryCall::FailReply(const absl::Status& status, int http_status) {
  LeaveCache(ReplyCache::Empty::kFailed);
  Fail(status, http_status);
}

absl::Status UnaryCall::WriteReply(std::string_view message) {
  if (fills_cache()) {
    if (message.size() <= env_.cache->reply_bytes_max()) return FillCache(message);
    env_.cache->stats().too_large.Add();
    LeaveCache(ReplyCache::Empty::kNotToBeKept);
    if (detached()) return absl::OkStatus();
  }
  // Its JSON is about as large again, and is compressed into yet another buffer.
  if (message.size() > kRoomAsked && !exchange_->HasRoom(2 * message.size())) return NoRoom();
  if (route().http_body_out) return WriteHttpBody(message);
  const bool large = message.size() >= env_.settings.coded_bytes_min;
  HeaderList headers = ReplyHeaders("application/json");
  if (large) headers.push_back({"vary", "accept-encoding"});
  if (Validate(message, &headers)) return absl::OkStatus();
  const filter::ContentCoding coding = large ? CodingFor(message.size()) : filter::ContentCoding::kIdentity;
  if (coding != filter::ContentCoding::kIdentity) return WriteCoded(message, coding, std::move(headers));
  Buffer& out = StartBody(headers);
  const size_t before = out.size();
  absl::Status status = ToJson(message, &out);
  bytes_out_ = out.size() - before;
  return status;
}

absl::Status UnaryCall::WriteHttpBody(std::string_view message) {
  HttpBodyView body;
  if (!ParseHttpBody(message, route().response_field_number, &body)) {
    return absl::InternalError("the service's HttpBody is malformed");
  }
  const bool typed = IsHeaderSafe(body.content_type);
  HeaderList headers = ReplyHeaders(typed ? body.content_type : std::string_view("application/octet-stream"));
  if (Validate(message, &headers)) return absl::OkStatus();
  StartBody(headers).Append(body.data);
  bytes_out_ = body.data.size();
  return absl::OkStatus();
}

absl::Status UnaryCall::WriteCoded(std::string_view message, filter::ContentCoding coding, HeaderList headers) {
  Buffer& json = env_.scratch;
  json.Clear();
  json.Shrink(kCodedBytesMax);
  if (absl::Status status = ToJson(message, &json); !status.ok()) return status;
  if (json.size() > kCodedBytesMax) {
    StartBody(headers).Append(json.view());
    bytes_out_ = json.size();
    return absl::OkStatus();
  }
  headers.push_back({"content-encoding", filter::NameOf(coding)});
  Buffer& out = StartBody(headers);
  const size_t before = out.size();
  const bool coded = Encode(json.view(), coding, &out);
  bytes_out_ = out.size() - before;
  return coded ? absl::OkStatus() : absl::ResourceExhaustedError("there is no memory to compress the reply with");
}

filter::ContentCoding UnaryCall::CodingFor(size_t json_bytes) const {
  if (json_bytes > kCodedBytesMax) return filter::ContentCoding::kIdentity;
  std::string joined;
  return filter::ChooseCoding(request().FindList("accept-encoding", &joined));
}

bool UnaryCall::Encode(std::string_view json, filter::ContentCoding coding, Buffer* out) {
  std::unique_ptr<filter::BodyWriter>& writer = env_.body_writers[static_cast<size_t>(coding)];
  if (writer == nullptr) writer = filter::MakeBodyWriter(coding, env_.settings.coding_level);
  return writer->Write(json, out);
}

std::string_view UnaryCall::AppendValidators(std::string_view message, HeaderList* headers) {
  if (!method_->cache_control.empty() && StoredValue("cache-control").empty()) {
    headers->push_back({"cache-control", method_->cache_control});
  }
  std::string_view tag = StoredValue("etag");
  if (tag.empty() && env_.settings.entity_tags) {
    const uint64_t seed = (*snapshot_)->fingerprint() ^ OutputBits(env_.settings.output);
    tag = WriteEntityTag(Fingerprint(message, seed), entity_tag_);
    headers->push_back({"etag", tag});
  }
  return tag;
}

bool UnaryCall::Validate(std::string_view message, HeaderList* headers) {
  const http::RequestHead& head = request();
  if (reply_status() != 200 || (head.method != "GET" && head.method != "HEAD")) return false;
  const std::string_view tag = AppendValidators(message, headers);
  if (tag.empty() || !IsNotModified(head, tag)) return false;
  SetReplyStatus(304);
  headers->erase(headers->begin());  // the type of a body that does not come
  StartBody(*headers);
  return true;
}

Buffer& UnaryCall::StartBody(const HeaderList& headers) {
  body_started_ = true;
  return exchange_->StartBody(reply_status(), headers);
}

absl::Status UnaryCall::ToJson(std::string_view message, Buffer* out) const {
  if (route().response_field == nullptr) {
    return transcode::WireToJson(*method_->output, message, env_.settings.output, out);
  }
  return transcode::FieldToJson(*method_->output, *route().response_field, message, env_.settings.output, out);
}

void UnaryCall::OnEnd(const absl::Status& status, absl::Span<const http::Header> trailers) {
  call_ = nullptr;
  if (!status.ok()) {
    const google::rpc::Status error = StatusFromTrailers(status, trailers);
    if (!LandError(error)) FailWith(error);
    return;
  }
  if (filling_ != nullptr) return LandReply();
  if (!body_started_ && detached()) {  // it was too large to be of use
    Finish(reply_status(), absl::StatusCode::kOk);
    return;
  }
  if (!body_started_) {
    FailReply(absl::InternalError("the service ended the call without a reply"));
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
  LeaveCache(ReplyCache::Empty::kGone);
  Clear();
  filling_.reset();
  body_started_ = alone_ = false;
  pool_->Give(this);
}

}  // namespace stratus::gateway::proxy
