// google.protobuf.Struct as JSON text and back: how variables are sealed, and how they reach the engine.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/struct.pb.h"

namespace stratus::provisioning::domain {

// The same text for the same value: members in the order of their names, whole numbers without a fraction or exponent
// up to 2^53, others in the fewest digits that read back the same. NaN and infinities become null (CheckValue refuses
// them). Bytes that are not UTF-8 become U+FFFD.
std::string ToJson(const google::protobuf::Value& value);
std::string ToJson(const google::protobuf::Struct& object);

// INVALID_ARGUMENT without a word of the text: it may hold secrets.
absl::StatusOr<google::protobuf::Struct> StructFromJson(std::string_view text);

}  // namespace stratus::provisioning::domain
