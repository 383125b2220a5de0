// What X-Ray documents say about segments, checked to the letter: the service itself, and other stand-ins, take
// malformed documents in silence.
// https://docs.aws.amazon.com/xray/latest/devguide/aws-xray-interface-api.html#xray-api-segmentdocuments
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "services/sandbox/json.h"

namespace stratus::sandbox::xray {

// What is wrong with a datagram, each with the path of the field: `subsegments[0].http.response.status: ...`. Empty:
// nothing, and `*document` is the segment or subsegment.
std::vector<std::string> CheckDatagram(std::string_view datagram, absl::Time now, Json* document);

// The same for a document alone.
std::vector<std::string> CheckDocument(const Json& document, absl::Time now);

}  // namespace stratus::sandbox::xray
