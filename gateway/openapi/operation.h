// One binding of a method as an OpenAPI operation.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "gateway/openapi/binding.h"
#include "gateway/openapi/json.h"
#include "gateway/openapi/path_key.h"
#include "gateway/openapi/schemas.h"
#include "gateway/openapi/security.h"
#include "lib/auth/policy.h"

namespace stratus::gateway::openapi {

struct OperationContext {
  Schemas* schemas;
  Security* security;
  const auth::Policy* policy;  // null: no token is looked at
  std::string operation_id;
  std::string tag;
};

// INVALID_ARGUMENT when the binding names fields that are not there.
absl::StatusOr<Json> MakeOperation(const Binding& binding, const PathKey& path, const OperationContext& context);

}  // namespace stratus::gateway::openapi
