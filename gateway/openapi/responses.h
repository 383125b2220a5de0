// An operation's answers: what a call gives, and errors as google.rpc.Status.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "gateway/openapi/binding.h"
#include "gateway/openapi/json.h"
#include "gateway/openapi/schemas.h"

namespace stratus::gateway::openapi {

// INVALID_ARGUMENT when response_body names no field of the response.
absl::StatusOr<Json> Responses(const Binding& binding, bool needs_token, Schemas* schemas);

// `components.responses` that Responses refers to.
Json ErrorResponses();
// Adds the `components.schemas` that errors refer to: google.rpc.Status, and the last record of a broken stream.
void AddErrorSchemas(Json* schemas);

}  // namespace stratus::gateway::openapi
