// An operation's parameters: from the path template and, for what neither path nor body takes, from the query.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gateway/openapi/json.h"
#include "gateway/openapi/path_key.h"
#include "gateway/openapi/schemas.h"
#include "google/protobuf/descriptor.h"

namespace stratus::gateway::openapi {

// The fields that a dotted path names, outermost first. INVALID_ARGUMENT when a part is missing, or one before the last
// is not a singular message.
absl::StatusOr<std::vector<const google::protobuf::FieldDescriptor*>> ResolveFieldPath(
    const google::protobuf::Descriptor* message, const std::string& dotted);

// `in: path`. INVALID_ARGUMENT when a variable names no field, or a repeated or a message one.
absl::StatusOr<Json> PathParameters(const PathKey& path, const google::protobuf::Descriptor* request, Schemas* schemas);

// `in: query`: every leaf of `request` whose dotted path (proto names) is not in `bound`; of a message in `bound`,
// none. Left out is what a query cannot carry: repeated messages, groups and free JSON, and types that hold themselves.
Json QueryParameters(const google::protobuf::Descriptor* request, const std::set<std::string>& bound, Schemas* schemas);

}  // namespace stratus::gateway::openapi
