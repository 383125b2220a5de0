// The Connect protocol's formats (connectrpc.com/docs/protocol): calls as plain HTTP. A unary call is a bare message in
// each direction and an HTTP status; a streaming one is gRPC's frames with a last frame of JSON for how it ended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gateway/filter/content_coding.h"
#include "gateway/http/exchange.h"
#include "gateway/transcode/buffer.h"
#include "google/rpc/status.pb.h"

namespace stratus::gateway::proxy {

struct ConnectForm {
  bool json = false;  // else binary
  bool streaming = false;

  bool operator==(const ConnectForm&) const = default;
};

// `application/json`, `application/proto`, `application/connect+json`, `application/connect+proto`, with any
// parameters; nothing for any other.
std::optional<ConnectForm> ConnectFormOf(std::string_view content_type);
std::string_view ContentTypeOf(ConnectForm form);

// Nanoseconds of a Connect-Timeout-Ms (at most 10 digits); -1 when malformed.
int64_t ParseConnectTimeout(std::string_view milliseconds);

// A unary call made by GET: `?connect=v1&encoding=json&message=...`, where `base64=1` and `compression` say how the
// message is written.
struct ConnectGet {
  bool json = false;
  filter::ContentCoding coding = filter::ContentCoding::kIdentity;  // of the message as it is here
  std::string message;
};
// Whether a GET's query is one.
bool IsConnectGet(std::string_view query);
// INVALID_ARGUMENT or UNIMPLEMENTED names the parameter at fault.
absl::StatusOr<ConnectGet> ParseConnectGet(std::string_view query);

// Whether metadata of a reply is for the client's eyes: not gRPC's own, nor what HTTP sets.
bool PassesToConnect(std::string_view metadata_name);

// Appends `{"code":"not_found","message":...,"details":[{"type":...,"value":base64}]}`.
void AppendConnectError(const google::rpc::Status& error, Buffer* out);

// Appends the frame that ends a stream. `error` is null when it went well.
void AppendConnectEnd(const google::rpc::Status* error, absl::Span<const http::Header> trailers, Buffer* out);

}  // namespace stratus::gateway::proxy
