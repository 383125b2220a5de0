// One YAML scalar into one Protobuf field.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace stratus::core {

struct ConfigScalar {
  std::string text;
  bool quoted = false;
};

// Sets `field` of `message`, or adds to it where it is repeated. google.protobuf.Duration counts as a scalar. Returns
// the number set (a duration in seconds), nullopt for what is not a number. An error's message is the bare reason.
absl::StatusOr<std::optional<double>> SetConfigScalar(const ConfigScalar& scalar,
                                                      const google::protobuf::FieldDescriptor& field,
                                                      google::protobuf::Message* message);

bool IsDuration(const google::protobuf::FieldDescriptor& field);

}  // namespace stratus::core
