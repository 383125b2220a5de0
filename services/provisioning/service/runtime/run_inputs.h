// What a run's engine is given: its module, its variables and its provider's credentials; and the redactor that keeps
// them out of what it says.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/provisioning/engine/redact.h"
#include "services/provisioning/service/runtime/runtime_parts.h"

namespace stratus::provisioning::service {

struct RunInputs {
  const engine::ModuleEntry* module = nullptr;
  std::string variables_json;
  std::map<std::string, std::string> environment;
  engine::Redactor redactor;
};

// FAILED_PRECONDITION: the module is gone, or the server lacks its provider's credentials. `stack` is the run's.
absl::StatusOr<RunInputs> ReadInputs(const RuntimeParts& parts, const store::RunRow& run, const store::StackRow& stack);

// Every text and number in the values of `names`: what must not be seen when those variables are sensitive.
std::vector<std::string> SensitiveValues(std::string_view variables_json, const v1::Module& module);

}  // namespace stratus::provisioning::service
