// Errors as a client sees them: over REST the ProtoJSON of google.rpc.Status, over gRPC trailers.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gateway/http/exchange.h"
#include "gateway/proxy/header_map.h"
#include "gateway/transcode/buffer.h"
#include "gateway/transcode/transcode.h"
#include "google/rpc/status.pb.h"

namespace stratus::gateway::proxy {

// Code, message and details of a call that ended with these trailers. `status` is what the upstream room made of them.
google::rpc::Status StatusFromTrailers(const absl::Status& status, absl::Span<const http::Header> trailers);

// Appends `{"code":5,"message":"...","details":[...]}`. A detail whose type the schema does not know, or whose bytes it
// cannot read, becomes `{"@type": ..., "value": base64}`. `options` are those of replies.
void AppendErrorJson(const google::rpc::Status& error, const transcode::Schema& schema,
                     const transcode::OutputOptions& options, Buffer* out);

// Exchange::HasRoom has said no: UNAVAILABLE with a RetryInfo, so 503 with Retry-After.
absl::Status NoRoom();

// The seconds of a RetryInfo detail, rounded up; empty when there is none.
std::string RetryAfterSeconds(const google::rpc::Status& error);

// Answers the exchange with an error. `headers` are sent beside content-type and retry-after.
void ReplyError(http::Exchange* exchange, int http_status, const google::rpc::Status& error,
                const transcode::Schema& schema, const transcode::OutputOptions& options, HeaderList headers);

// grpc-status, grpc-message and grpc-status-details-bin for a status of our own. One that is UNAVAILABLE and says when
// to try again has grpc-retry-pushback-ms too, which gRPC's own clients obey.
struct ErrorTrailers {
  explicit ErrorTrailers(const absl::Status& status);
  HeaderList headers;

 private:
  std::string code_;
  std::string message_;
  std::string details_;
  std::string pushback_;
};

}  // namespace stratus::gateway::proxy
