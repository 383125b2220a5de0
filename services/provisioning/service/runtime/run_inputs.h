// What a run's engine is given: its module, its variables and its providers' credentials; and the redactor that keeps
// them out of what it says.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/provisioning/engine/redact.h"
#include "services/provisioning/service/run_credentials.h"
#include "services/provisioning/service/runtime/runtime_parts.h"

namespace stratus::provisioning::service {

struct RunInputs {
  const engine::ModuleEntry* module = nullptr;
  std::string variables_json;
  RunCredentials credentials;
  engine::Redactor redactor;
};

// FAILED_PRECONDITION: the module is gone or does not initialise, or there is no credential of a provider that needs
// one. `stack` is the run's. `as_begun`: the run goes on with the credentials that it was begun with.
absl::StatusOr<RunInputs> ReadInputs(const RuntimeParts& parts, const store::RunRow& run, const store::StackRow& stack,
                                     bool as_begun);

// Every text and number in the sensitive variables: in the values that are given, and in the module's own defaults.
std::vector<std::string> SensitiveValues(std::string_view variables_json, const engine::ModuleEntry& module);

}  // namespace stratus::provisioning::service
