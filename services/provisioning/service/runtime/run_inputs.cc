#include "services/provisioning/service/runtime/run_inputs.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/service/sealed_names.h"

namespace stratus::provisioning::service {
namespace {

void CollectLeaves(const nlohmann::json& value, std::vector<std::string>* leaves) {
  if (value.is_string()) leaves->push_back(value.get<std::string>());
  if (value.is_number()) leaves->push_back(value.dump());
  if (!value.is_structured()) return;
  for (const auto& [key, inner] : value.items()) CollectLeaves(inner, leaves);
}

}  // namespace

std::vector<std::string> SensitiveValues(std::string_view variables_json, const v1::Module& module) {
  std::vector<std::string> values;
  const auto variables = nlohmann::json::parse(variables_json, nullptr, /*allow_exceptions=*/false);
  if (!variables.is_object()) return values;
  for (const v1::Variable& variable : module.variables()) {
    const auto value = variables.find(variable.name());
    if (variable.sensitive() && value != variables.end()) CollectLeaves(*value, &values);
  }
  return values;
}

absl::StatusOr<RunInputs> ReadInputs(const RuntimeParts& parts, const store::RunRow& run,
                                     const store::StackRow& stack) {
  RunInputs inputs;
  const std::string name = domain::ParseModuleName(stack.record.module()).value_or(stack.record.module());
  absl::StatusOr<const engine::ModuleEntry*> module = parts.catalog->Find(name);
  if (!module.ok()) {
    return absl::FailedPreconditionError(absl::StrCat("the stack's module is not here any more: ", name));
  }
  inputs.module = *module;
  inputs.variables_json = "{}";
  if (!run.sealed_variables.empty()) {
    absl::StatusOr<std::string> opened = parts.sealer->Open(RunVariablesContext(run.uid), run.sealed_variables);
    if (!opened.ok()) return opened.status();
    inputs.variables_json = *std::move(opened);
  }
  const v1::Module& described = inputs.module->module;
  if (absl::Status status = parts.credentials->Check(run.tenant, described); !status.ok()) return status;
  inputs.environment = parts.credentials->For(run.tenant, described);
  std::vector<std::string> secrets = parts.credentials->Secrets(run.tenant, described);
  for (std::string& value : SensitiveValues(inputs.variables_json, described)) secrets.push_back(std::move(value));
  secrets.push_back(parts.backend->For(run.uid).password);
  inputs.redactor = engine::Redactor(std::move(secrets));
  return inputs;
}

}  // namespace stratus::provisioning::service
