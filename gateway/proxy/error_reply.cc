#include "gateway/proxy/error_reply.h"

#include <algorithm>
#include <array>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gateway/upstream/grpc_wire.h"
#include "google/rpc/error_details.pb.h"
#include "lib/core/log.h"
#include "lib/core/status.h"

namespace stratus::gateway::proxy {
namespace {

constexpr char kDetailsKey[] = "grpc-status-details-bin";

// The types whose JSON inside an Any stands in `value` (the ProtoJSON specification, Any).
bool HasSpecialJson(std::string_view type) {
  static constexpr std::array<std::string_view, 16> kTypes = {
      "google.protobuf.Any",         "google.protobuf.Timestamp",   "google.protobuf.Duration",
      "google.protobuf.FieldMask",   "google.protobuf.Struct",      "google.protobuf.Value",
      "google.protobuf.ListValue",   "google.protobuf.DoubleValue", "google.protobuf.FloatValue",
      "google.protobuf.Int64Value",  "google.protobuf.UInt64Value", "google.protobuf.Int32Value",
      "google.protobuf.UInt32Value", "google.protobuf.BoolValue",   "google.protobuf.StringValue",
      "google.protobuf.BytesValue"};
  return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

void AppendJsonString(std::string_view text, Buffer* out) {
  std::string quoted;
  core::AppendJsonString(&quoted, text);
  out->Append(quoted);
}

void AppendDetail(const google::protobuf::Any& detail, const transcode::Schema& schema,
                  const transcode::OutputOptions& options, Buffer* out) {
  out->Append(std::string_view("{\"@type\":"));
  AppendJsonString(detail.type_url(), out);
  const size_t slash = detail.type_url().rfind('/');
  const std::string_view type = std::string_view(detail.type_url()).substr(slash == std::string::npos ? 0 : slash + 1);
  const transcode::MessageTable* table = schema.Find(type);
  Buffer json;
  if (table != nullptr && transcode::WireToJson(*table, detail.value(), options, &json).ok()) {
    if (HasSpecialJson(type)) {
      out->Append(std::string_view(",\"value\":"));
      out->Append(json.view());
      out->Append('}');
    } else if (json.size() > 2) {
      out->Append(',');
      out->Append(json.view().substr(1));
    } else {
      out->Append('}');
    }
    return;
  }
  out->Append(std::string_view(",\"value\":\""));
  out->Append(absl::Base64Escape(detail.value()));
  out->Append(std::string_view("\"}"));
}

}  // namespace

google::rpc::Status StatusFromTrailers(const absl::Status& status, absl::Span<const http::Header> trailers) {
  google::rpc::Status error = core::ToProto(status);
  for (const http::Header& header : trailers) {
    if (header.name != kDetailsKey) continue;
    std::string bytes;
    google::rpc::Status details;
    if (absl::Base64Unescape(core::ToAbsl(header.value), &bytes) && details.ParseFromString(bytes)) {
      *error.mutable_details() = details.details();
    }
  }
  return error;
}

void AppendErrorJson(const google::rpc::Status& error, const transcode::Schema& schema,
                     const transcode::OutputOptions& options, Buffer* out) {
  out->Append(std::string_view("{\"code\":"));
  out->Append(std::to_string(error.code()));
  out->Append(std::string_view(",\"message\":"));
  AppendJsonString(error.message(), out);
  out->Append(std::string_view(",\"details\":["));
  for (int i = 0; i < error.details_size(); ++i) {
    if (i > 0) out->Append(',');
    AppendDetail(error.details(i), schema, options, out);
  }
  out->Append(std::string_view("]}"));
}

absl::Status NoRoom() {
  constexpr absl::Duration kRetryAfter = absl::Seconds(1);
  return core::WithRetryAfter(absl::UnavailableError("the gateway has no memory for this call now; try again"),
                              kRetryAfter);
}

std::string RetryAfterSeconds(const google::rpc::Status& error) {
  google::rpc::RetryInfo info;
  for (const google::protobuf::Any& detail : error.details()) {
    if (!detail.UnpackTo(&info)) continue;
    const int64_t seconds = info.retry_delay().seconds() + (info.retry_delay().nanos() > 0 ? 1 : 0);
    return std::to_string(std::max<int64_t>(seconds, 1));
  }
  return "";
}

void ReplyError(http::Exchange* exchange, int http_status, const google::rpc::Status& error,
                const transcode::Schema& schema, const transcode::OutputOptions& options, HeaderList headers) {
  headers.push_back({"content-type", "application/json"});
  const std::string retry_after = http_status == 503 || http_status == 429 ? RetryAfterSeconds(error) : "";
  if (!retry_after.empty()) headers.push_back({"retry-after", retry_after});
  AppendErrorJson(error, schema, options, &exchange->StartBody(http_status, headers));
  exchange->FinishBody();
}

ErrorTrailers::ErrorTrailers(const absl::Status& status)
    : code_(std::to_string(static_cast<int>(status.code()))),
      message_(upstream::PercentEncode(core::ToStd(status.message()))) {
  headers.push_back({"grpc-status", code_});
  if (!message_.empty()) headers.push_back({"grpc-message", message_});
  if (google::rpc::RetryInfo info; absl::IsUnavailable(status) && core::GetDetail(status, &info)) {
    pushback_ = std::to_string(info.retry_delay().seconds() * 1000 + info.retry_delay().nanos() / 1'000'000);
    headers.push_back({"grpc-retry-pushback-ms", pushback_});
  }
  const google::rpc::Status proto = core::ToProto(status);
  if (proto.details().empty()) return;
  details_ = absl::Base64Escape(proto.SerializeAsString());
  // gRPC sends binary metadata without padding.
  while (!details_.empty() && details_.back() == '=') details_.pop_back();
  headers.push_back({kDetailsKey, details_});
}

}  // namespace stratus::gateway::proxy
