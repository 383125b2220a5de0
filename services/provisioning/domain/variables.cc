#include "services/provisioning/domain/variables.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "services/provisioning/domain/near_names.h"
#include "services/provisioning/domain/variable_schema.h"
#include "services/provisioning/domain/variables_json.h"

namespace stratus::provisioning::domain {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr std::string_view kRoot = "variables";

// The schema of one variable; one without any takes everything.
const Value& SchemaOf(const v1::Module& module, const std::string& name) {
  static const Value anything;
  const auto& keywords = module.variables_schema().fields();
  const auto properties = keywords.find("properties");
  if (properties == keywords.end()) return anything;
  const auto& fields = properties->second.struct_value().fields();
  const auto found = fields.find(name);
  return found == fields.end() ? anything : found->second;
}

void CheckOne(const v1::Variable& variable, const Struct& variables, const v1::Module& module, Violations* violations) {
  const std::string path = ChildPath(kRoot, variable.name());
  const auto found = variables.fields().find(variable.name());
  if (found == variables.fields().end()) {
    if (variable.required()) {
      violations->Add(path, absl::StrCat("is required, of type ", variable.type()));
    }
    return;
  }
  const Value& value = found->second;
  const bool null = value.kind_case() == Value::kNullValue || value.kind_case() == Value::KIND_NOT_SET;
  if (!null) return CheckValue(value, SchemaOf(module, variable.name()), path, violations);
  if (variable.nullable()) return;
  violations->Add(path, variable.required() ? "must not be null" : "must not be null: leave it out to get its default");
}

}  // namespace

void CheckVariables(const Struct& variables, const v1::Module& module, Violations* violations) {
  if (ToJson(variables).size() > kVariablesBytesMax) {
    violations->Add(kRoot, absl::StrCat("are more than ", kVariablesBytesMax, " bytes of JSON"));
    return;
  }
  std::vector<std::string> known;
  for (const v1::Variable& variable : module.variables()) {
    known.push_back(variable.name());
    CheckOne(variable, variables, module, violations);
  }
  std::set<std::string> unknown;
  for (const auto& [name, value] : variables.fields()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) unknown.insert(name);
  }
  for (const std::string& name : unknown) {
    violations->Add(ChildPath(kRoot, name), absl::StrCat("is no variable of ", module.name(), DidYouMean(name, known)));
  }
}

ShownVariables HideSensitive(const Struct& variables, const v1::Module& module) {
  ShownVariables result{variables, {}};
  for (const v1::Variable& variable : module.variables()) {
    if (!variable.sensitive()) continue;
    if (result.shown.mutable_fields()->erase(variable.name()) > 0) result.sensitive.push_back(variable.name());
  }
  std::sort(result.sensitive.begin(), result.sensitive.end());
  return result;
}

}  // namespace stratus::provisioning::domain
