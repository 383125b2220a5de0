// Finished spans as an OTLP/JSON request (ExportTraceServiceRequest).
// https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
#pragma once

#include <cstddef>
#include <string>

#include "absl/types/span.h"
#include "lib/telemetry/span_record.h"

namespace stratus::telemetry {

// X-Ray's own endpoint refuses a larger one.
inline constexpr size_t kOtlpSpanBytesMax = 200'000;

struct OtlpCounts {
  size_t spans = 0;
  size_t truncated = 0;  // of them: they lack metadata, then annotations, as they would be over kOtlpSpanBytesMax
};

// `*body` becomes one request with the spans of `finished`, but for announcements of spans under way, which OTLP does
// not know; empty when there are none.
OtlpCounts WriteOtlpRequest(absl::Span<const FinishedSpans> finished, std::string* body);

}  // namespace stratus::telemetry
