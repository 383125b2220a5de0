// A span of OTLP/JSON, checked and turned into an X-Ray document, so that it stands in a trace beside segments that
// came as datagrams. https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "services/sandbox/json.h"

namespace stratus::sandbox::xray {

// What is wrong with a span, each with the path of the field; empty: nothing, and `*document` is the segment or
// subsegment that it makes (CheckDocument has passed it). `resource` is the resource's object.
std::vector<std::string> ReadOtlpSpan(const Json& resource, const Json& span, absl::Time now, Json* document);

}  // namespace stratus::sandbox::xray
