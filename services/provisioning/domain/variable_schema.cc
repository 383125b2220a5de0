#include "services/provisioning/domain/variable_schema.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/provisioning/domain/near_names.h"
#include "services/provisioning/domain/variables_json.h"

namespace stratus::provisioning::domain {
namespace {

using google::protobuf::ListValue;
using google::protobuf::Struct;
using google::protobuf::Value;

constexpr int kDepthMax = 32;
constexpr double kExactMax = 9007199254740992;  // 2^53

const Value* Keyword(const Value& schema, const char* name) {
  if (!schema.has_struct_value()) return nullptr;
  const auto& fields = schema.struct_value().fields();
  const auto found = fields.find(name);
  return found == fields.end() ? nullptr : &found->second;
}

std::string_view TypeName(const Value& value) {
  switch (value.kind_case()) {
    case Value::kNumberValue: return "number";
    case Value::kStringValue: return "string";
    case Value::kBoolValue: return "boolean";
    case Value::kStructValue: return "object";
    case Value::kListValue: return "array";
    default: return "null";
  }
}

bool IsType(const Value& value, std::string_view type) {
  if (type == "integer") return value.has_number_value() && std::trunc(value.number_value()) == value.number_value();
  return TypeName(value) == type;
}

// `a string`, `a number or null`.
std::string Article(std::string_view type) {
  if (type == "null") return "null";
  const bool vowel = type == "object" || type == "array" || type == "integer";
  return absl::StrCat(vowel ? "an " : "a ", core::ToAbsl(type));
}

std::vector<std::string> Types(const Value& schema) {
  std::vector<std::string> types;
  const Value* type = Keyword(schema, "type");
  if (type == nullptr) return types;
  if (type->has_string_value()) types.push_back(type->string_value());
  for (const Value& one : type->list_value().values()) types.push_back(one.string_value());
  return types;
}

bool AllowsNull(const Value& schema) {
  const auto types = Types(schema);
  if (!types.empty()) return std::find(types.begin(), types.end(), "null") != types.end();
  for (const char* name : {"anyOf", "oneOf"}) {
    if (const Value* options = Keyword(schema, name)) {
      const auto& values = options->list_value().values();
      return std::any_of(values.begin(), values.end(), AllowsNull);
    }
  }
  return true;  // no constraint
}

class Checker {
 public:
  explicit Checker(Violations* violations) : violations_(violations) {}

  void Check(const Value& value, const Value& schema, const std::string& path, int depth);

 private:
  bool CheckAlternatives(const Value& value, const Value& schema, const std::string& path, int depth);
  bool CheckType(const Value& value, const Value& schema, const std::string& path);
  void CheckNumber(double number, const std::string& path);
  void CheckAllowed(const Value& value, const Value& schema, const std::string& path);
  void CheckObject(const Struct& object, const Value& schema, const std::string& path, int depth);
  void CheckArray(const ListValue& array, const Value& schema, const std::string& path, int depth);
  void CheckLength(const ListValue& array, const Value& schema, const std::string& path);
  void CheckUnique(const ListValue& array, const std::string& path);

  Violations* const violations_;
};

void Checker::Check(const Value& value, const Value& schema, const std::string& path, int depth) {
  if (depth > kDepthMax) return violations_->Add(path, absl::StrCat("is nested deeper than ", kDepthMax, " levels"));
  if (schema.has_bool_value() && !schema.bool_value()) return violations_->Add(path, "is not allowed here");
  if (!CheckAlternatives(value, schema, path, depth) || !CheckType(value, schema, path)) return;
  CheckAllowed(value, schema, path);
  if (value.has_number_value()) CheckNumber(value.number_value(), path);
  if (value.has_struct_value()) CheckObject(value.struct_value(), schema, path, depth);
  if (value.has_list_value()) CheckArray(value.list_value(), schema, path, depth);
}

// False when a violation was added. The violations of the nearest alternative are told: of the one of the value's own
// type.
bool Checker::CheckAlternatives(const Value& value, const Value& schema, const std::string& path, int depth) {
  for (const char* name : {"anyOf", "oneOf"}) {
    const Value* options = Keyword(schema, name);
    if (options == nullptr) continue;
    std::vector<std::string> wanted;
    const Value* of_same_type = nullptr;
    bool fits = false;
    for (const Value& option : options->list_value().values()) {
      Violations trial;
      Checker(&trial).Check(value, option, path, depth + 1);
      if (trial.empty()) fits = true;
      for (const std::string& type : Types(option)) {
        wanted.push_back(Article(type));
        if (IsType(value, type)) of_same_type = &option;
      }
    }
    if (fits) continue;
    if (of_same_type != nullptr) {
      Check(value, *of_same_type, path, depth + 1);
    } else {
      violations_->Add(path,
                       absl::StrCat("must be ", absl::StrJoin(wanted, " or "), ", not ", Article(TypeName(value))));
    }
    return false;
  }
  return true;
}

bool Checker::CheckType(const Value& value, const Value& schema, const std::string& path) {
  const std::vector<std::string> types = Types(schema);
  if (types.empty() || std::any_of(types.begin(), types.end(), [&](const auto& type) { return IsType(value, type); })) {
    return true;
  }
  std::vector<std::string> wanted;
  for (const std::string& type : types) wanted.push_back(Article(type));
  violations_->Add(path, absl::StrCat("must be ", absl::StrJoin(wanted, " or "), ", not ", Article(TypeName(value))));
  return false;
}

void Checker::CheckNumber(double number, const std::string& path) {
  if (!std::isfinite(number)) return violations_->Add(path, "must be a finite number");
  if (std::fabs(number) > kExactMax && std::trunc(number) == number) {
    violations_->Add(path, "is past 2^53, where JSON numbers lose digits");
  }
}

void Checker::CheckAllowed(const Value& value, const Value& schema, const std::string& path) {
  const std::string text = ToJson(value);
  if (const Value* only = Keyword(schema, "const"); only != nullptr && ToJson(*only) != text) {
    violations_->Add(path, absl::StrCat("must be ", ToJson(*only)));
  }
  const Value* allowed = Keyword(schema, "enum");
  if (allowed == nullptr) return;
  std::vector<std::string> texts;
  for (const Value& one : allowed->list_value().values()) texts.push_back(ToJson(one));
  if (std::find(texts.begin(), texts.end(), text) == texts.end()) {
    violations_->Add(path, absl::StrCat("must be one of ", absl::StrJoin(texts, ", ")));
  }
}

void Checker::CheckObject(const Struct& object, const Value& schema, const std::string& path, int depth) {
  std::set<std::string> required;
  if (const Value* names = Keyword(schema, "required")) {
    for (const Value& name : names->list_value().values()) required.insert(name.string_value());
  }
  for (const std::string& name : required) {
    if (object.fields().count(name) == 0) violations_->Add(ChildPath(path, name), "is required");
  }
  const Value* properties = Keyword(schema, "properties");
  const Value* others = Keyword(schema, "additionalProperties");
  std::vector<std::string> known;
  if (properties != nullptr) {
    for (const auto& [name, unused] : properties->struct_value().fields()) known.push_back(name);
    std::sort(known.begin(), known.end());
  }
  // In the names' order: a map's own is not the same twice.
  std::vector<std::string> names;
  for (const auto& [name, unused] : object.fields()) names.push_back(name);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const Value& value = object.fields().at(name);
    if (std::binary_search(known.begin(), known.end(), name)) {
      const Value& property = properties->struct_value().fields().at(name);
      if (value.kind_case() == Value::kNullValue && required.count(name) == 0 && !AllowsNull(property)) continue;
      Check(value, property, ChildPath(path, name), depth + 1);
    } else if (others != nullptr && others->has_bool_value() && !others->bool_value()) {
      violations_->Add(ChildPath(path, name), absl::StrCat("is unknown", DidYouMean(name, known)));
    } else if (others != nullptr) {
      Check(value, *others, ChildPath(path, name), depth + 1);
    } else {
      Check(value, Value(), ChildPath(path, name), depth + 1);
    }
  }
}

void Checker::CheckArray(const ListValue& array, const Value& schema, const std::string& path, int depth) {
  CheckLength(array, schema, path);
  const Value* prefix = Keyword(schema, "prefixItems");
  const Value* items = Keyword(schema, "items");
  const int prefixed = prefix == nullptr ? 0 : prefix->list_value().values_size();
  for (int i = 0; i < array.values_size(); ++i) {
    const std::string child = absl::StrCat(path, "[", i, "]");
    if (i < prefixed) {
      Check(array.values(i), prefix->list_value().values(i), child, depth + 1);
    } else {
      Check(array.values(i), items == nullptr ? Value() : *items, child, depth + 1);
    }
  }
  const Value* unique = Keyword(schema, "uniqueItems");
  if (unique != nullptr && unique->bool_value()) CheckUnique(array, path);
}

void Checker::CheckLength(const ListValue& array, const Value& schema, const std::string& path) {
  const Value* least = Keyword(schema, "minItems");
  const Value* most = Keyword(schema, "maxItems");
  const int size = array.values_size();
  if (least != nullptr && size < least->number_value()) {
    violations_->Add(path, absl::StrCat("must have at least ", least->number_value(), " elements, not ", size));
  }
  if (most != nullptr && size > most->number_value()) {
    violations_->Add(path, absl::StrCat("must have at most ", most->number_value(), " elements, not ", size));
  }
  const Value* prefix = Keyword(schema, "prefixItems");
  if (prefix != nullptr && least == nullptr && size < prefix->list_value().values_size()) {
    // A tuple has all its elements, whether or not the schema repeats that.
    violations_->Add(path, absl::StrCat("must have ", prefix->list_value().values_size(), " elements, not ", size));
  }
}

void Checker::CheckUnique(const ListValue& array, const std::string& path) {
  std::set<std::string> seen;
  for (int i = 0; i < array.values_size(); ++i) {
    if (!seen.insert(ToJson(array.values(i))).second) {
      violations_->Add(absl::StrCat(path, "[", i, "]"), "is in the set already");
    }
  }
}

}  // namespace

void CheckValue(const Value& value, const Value& schema, const std::string& path, Violations* violations) {
  Checker(violations).Check(value, schema, path, 0);
}

std::string ChildPath(std::string_view path, std::string_view name) {
  const auto identifier = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  if (!name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), identifier)) {
    return absl::StrCat(core::ToAbsl(path), ".", core::ToAbsl(name));
  }
  Value text;
  text.set_string_value(std::string(name.substr(0, 64)));
  return absl::StrCat(core::ToAbsl(path), "[", ToJson(text), "]");
}

}  // namespace stratus::provisioning::domain
