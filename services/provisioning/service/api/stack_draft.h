// What a caller wants of a stack, checked: the part that CreateStack, UpdateStack and the direct form share.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/provisioning/service/api/api_parts.h"

namespace stratus::provisioning::service {

// The module, or NOT_FOUND with near names. INVALID_ARGUMENT when `module_name` is not `modules/{module}`.
absl::StatusOr<const engine::ModuleEntry*> FindModule(const ApiParts& parts, const std::string& module_name);

// Puts checked variables into the row: the sealed whole, the shown part, the names of the sensitive ones.
absl::Status SetVariables(const ApiParts& parts, const engine::ModuleEntry& module,
                          const google::protobuf::Struct& variables, store::StackRow* row);

// A new row (not inserted) with uid, times and the module's version; the variables are set apart.
store::StackRow NewStackRow(const ApiParts& parts, const std::string& tenant, const std::string& id,
                            const engine::ModuleEntry& module);

// `droplet-k3x9w2ab`: an id for a stack that was given none.
std::string MakeStackId(const std::string& module);

// Inserts the row. ALREADY_EXISTS names the stack; RESOURCE_EXHAUSTED with a QuotaFailure: the tenant has its number.
absl::Status InsertStack(const ApiParts& parts, store::Transaction& transaction, const store::StackRow& row);

}  // namespace stratus::provisioning::service
