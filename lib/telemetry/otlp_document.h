// Finished spans as an OTLP/JSON request (ExportTraceServiceRequest).
// https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
#pragma once

#include <cstddef>
#include <string>

#include "absl/types/span.h"
#include "lib/telemetry/span_record.h"

namespace stratus::telemetry {

// How many spans the request holds: those of `finished` but for announcements of spans under way, which OTLP does not
// know. `*body` is one request; nothing when there are none.
size_t WriteOtlpRequest(absl::Span<const FinishedSpans> finished, std::string* body);

}  // namespace stratus::telemetry
