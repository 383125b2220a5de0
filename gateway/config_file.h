// Configuration files: YAML checked against a Protobuf message, so that a wrong key, type or value is refused with its
// place in the file.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace stratus::gateway {

// Merges the YAML text into `message`. Keys are field names, google.protobuf.Duration is written as `1.5s`, `10ms`,
// `5m`. INVALID_ARGUMENT: `name:LINE: path.to.key: reason`.
absl::Status ParseConfig(const std::string& yaml, const std::string& name, google::protobuf::Message* message);

// The same from a file. NOT_FOUND when it cannot be read.
absl::Status ReadConfigFile(const std::string& path, google::protobuf::Message* message);

}  // namespace stratus::gateway
