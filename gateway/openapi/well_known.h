// Types whose ProtoJSON form is not that of an object of their fields.
#pragma once

#include <string_view>

#include "gateway/openapi/json.h"
#include "google/protobuf/descriptor.h"

namespace stratus::gateway::openapi {

// The schema of a well-known type; null for any other.
Json WellKnownSchema(std::string_view full_name);

// The schema of a scalar field's type. Not for messages and enums.
Json ScalarSchema(google::protobuf::FieldDescriptor::Type type);

}  // namespace stratus::gateway::openapi
