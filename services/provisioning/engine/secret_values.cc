#include "services/provisioning/engine/secret_values.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/files.h"
#include "services/provisioning/engine/workspace.h"

namespace stratus::provisioning::engine {
namespace {

constexpr size_t kVariablesBytesMax = size_t{16} << 20;

void Collect(const nlohmann::json& value, std::vector<std::string>* texts) {
  if (value.is_string()) {
    texts->push_back(value.get<std::string>());
  } else if (value.is_number()) {
    texts->push_back(value.dump());
  } else if (value.is_structured()) {
    for (const nlohmann::json& item : value) Collect(item, texts);
  }
}

}  // namespace

std::vector<std::string> TextsWithin(const std::string& json) {
  std::vector<std::string> texts;
  Collect(nlohmann::json::parse(json, nullptr, false), &texts);
  return texts;
}

std::vector<std::string> SecretValues(const Step& step) {
  std::vector<std::string> texts = {step.backend.password};
  for (const auto& [name, value] : step.secrets) texts.push_back(value);
  const nlohmann::json variables = nlohmann::json::parse(step.variables_json, nullptr, false);
  if (!variables.is_object()) return texts;
  for (const v1::Variable& variable : step.module->module.variables()) {
    if (variable.sensitive() && variables.contains(variable.name())) Collect(variables[variable.name()], &texts);
  }
  return texts;
}

std::vector<std::string> SecretValuesOf(const std::string& control_folder) {
  return TextsWithin(
      ReadFile(absl::StrCat(control_folder, "/", core::ToAbsl(kVariablesFile)), kVariablesBytesMax).value_or(""));
}

}  // namespace stratus::provisioning::engine
