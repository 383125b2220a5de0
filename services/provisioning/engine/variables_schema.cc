#include "services/provisioning/engine/variables_schema.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace stratus::provisioning::engine {
namespace {

using nlohmann::json;

json ObjectSchema(const json& tree) {
  json schema = {{"type", "object"}, {"properties", json::object()}, {"additionalProperties", false}};
  json required = json::array();
  const json attributes = tree.value("attributes", json::object());
  for (const auto& [name, property] : attributes.items()) {
    json child = TypeSchema(property.at("type"));
    if (property.contains("default")) child["default"] = property.at("default");
    if (!property.value("optional", false)) {
      required.push_back(name);
    } else if (child.contains("type")) {
      child["type"] = json::array({child["type"], "null"});  // null stands for the default
    }
    schema["properties"][name] = std::move(child);
  }
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

json TupleSchema(const json& tree) {
  json items = json::array();
  const json elements = tree.value("elements", json::array());
  for (const json& element : elements) items.push_back(TypeSchema(element));
  const size_t size = items.size();
  json schema = {{"type", "array"}, {"minItems", size}, {"maxItems", size}, {"items", false}};
  if (size > 0) schema["prefixItems"] = std::move(items);
  return schema;
}

json VariableSchema(const json& variable) {
  json schema = TypeSchema(variable.at("type_tree"));
  if (variable.value("nullable", false) && schema.contains("type")) {
    schema["type"] = json::array({schema["type"], "null"});
  }
  if (const std::string description = variable.value("description", ""); !description.empty()) {
    schema["description"] = description;
  }
  const bool sensitive = variable.value("sensitive", false);
  if (sensitive) schema["writeOnly"] = true;
  if (!sensitive && variable.contains("default")) schema["default"] = variable.at("default");
  return schema;
}

}  // namespace

json TypeSchema(const json& tree) {
  const std::string kind = tree.value("kind", "any");
  if (kind == "string" || kind == "number") return {{"type", kind}};
  if (kind == "bool") return {{"type", "boolean"}};
  if (kind == "list") return {{"type", "array"}, {"items", TypeSchema(tree.at("element"))}};
  if (kind == "set") return {{"type", "array"}, {"items", TypeSchema(tree.at("element"))}, {"uniqueItems", true}};
  if (kind == "map") return {{"type", "object"}, {"additionalProperties", TypeSchema(tree.at("element"))}};
  if (kind == "tuple") return TupleSchema(tree);
  if (kind == "object") return ObjectSchema(tree);
  return json::object();
}

json VariablesSchema(const json& variables) {
  json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"type", "object"},
                 {"properties", json::object()},
                 {"additionalProperties", false}};
  json required = json::array();
  for (const json& variable : variables) {
    const std::string name = variable.at("name");
    schema["properties"][name] = VariableSchema(variable);
    if (!variable.value("has_default", false)) required.push_back(name);
  }
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

}  // namespace stratus::provisioning::engine
