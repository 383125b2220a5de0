#include "services/provisioning/service/runtime/run_inputs.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/engine/secret_values.h"
#include "services/provisioning/service/sealed_names.h"

namespace stratus::provisioning::service {

std::vector<std::string> SensitiveValues(std::string_view variables_json, const engine::ModuleEntry& module) {
  std::vector<std::string> values = module.secret_defaults;
  const auto variables = nlohmann::json::parse(variables_json, nullptr, /*allow_exceptions=*/false);
  if (!variables.is_object()) return values;
  for (const v1::Variable& variable : module.module.variables()) {
    const auto value = variables.find(variable.name());
    if (!variable.sensitive() || value == variables.end()) continue;
    for (std::string& text : engine::TextsWithin(value->dump())) values.push_back(std::move(text));
  }
  return values;
}

absl::StatusOr<RunInputs> ReadInputs(const RuntimeParts& parts, const store::RunRow& run, const store::StackRow& stack,
                                     bool as_begun) {
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
  // As the engine resolved them: the module's own text does not tell all of them.
  const absl::StatusOr<std::vector<std::string>> providers = parts.engine->Providers(*inputs.module);
  if (!providers.ok()) return providers.status();
  const std::vector<v1::CredentialUse> begun_with(run.record.credentials().begin(), run.record.credentials().end());
  absl::StatusOr<RunCredentials> credentials = CredentialResolver(parts.store, parts.sealer, parts.credentials)
                                                   .Resolve({run.tenant, stack.id, stack.record.module()}, *providers,
                                                            as_begun ? begun_with : std::vector<v1::CredentialUse>());
  if (!credentials.ok()) return credentials.status();
  inputs.credentials = *std::move(credentials);
  std::vector<std::string> secrets = SensitiveValues(inputs.variables_json, *inputs.module);
  secrets.insert(secrets.end(), inputs.credentials.secrets.begin(), inputs.credentials.secrets.end());
  secrets.push_back(parts.backend->For(run.uid).password);
  inputs.redactor = engine::Redactor(secrets);
  return inputs;
}

}  // namespace stratus::provisioning::service
