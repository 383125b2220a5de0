// The parts of the gRPC protocol over HTTP/2 that are text: status codes, messages, timeouts.
// Source of the rules: PROTOCOL-HTTP2.md and http-grpc-status-mapping.md of the gRPC project.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gateway/http/exchange.h"

namespace stratus::gateway::upstream {

// The status of a response whose HTTP status is not 200 and that carries no grpc-status.
absl::Status StatusOfHttp(int http_status);

// The status of a call whose stream was reset with an HTTP/2 error code.
absl::Status StatusOfReset(uint32_t error_code, bool deadline_passed);

// Whether a content-type is application/grpc, application/grpc+proto and the like (but not application/grpc-web).
bool IsGrpcContentType(std::string_view content_type);

// Code and decoded message of grpc-status and grpc-message. UNKNOWN when there is no grpc-status or it is no number.
absl::Status StatusOfTrailers(absl::Span<const http::Header> trailers);

// grpc-message: bytes outside 0x20..0x7E and `%` as %XX. Decoding leaves malformed escapes as they are.
std::string PercentDecode(std::string_view text);
std::string PercentEncode(std::string_view text);

// Writes a grpc-timeout value (at most 8 digits and a unit, rounded up) to `out`, and returns its length.
inline constexpr size_t kTimeoutLengthMax = 9;
size_t FormatTimeout(int64_t timeout_ns, char* out);

// Nanoseconds of a grpc-timeout value, capped at what int64 holds; -1 when malformed.
int64_t ParseTimeout(std::string_view text);

}  // namespace stratus::gateway::upstream
