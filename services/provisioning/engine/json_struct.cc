#include "services/provisioning/engine/json_struct.h"

#include <nlohmann/json.hpp>
#include <string>

namespace stratus::provisioning::engine {

google::protobuf::Value ToValue(const nlohmann::json& json) {
  google::protobuf::Value value;
  switch (json.type()) {
    case nlohmann::json::value_t::string: value.set_string_value(json.get<std::string>()); break;
    case nlohmann::json::value_t::boolean: value.set_bool_value(json.get<bool>()); break;
    case nlohmann::json::value_t::number_integer:
    case nlohmann::json::value_t::number_unsigned:
    case nlohmann::json::value_t::number_float: value.set_number_value(json.get<double>()); break;
    case nlohmann::json::value_t::object: *value.mutable_struct_value() = ToStruct(json); break;
    case nlohmann::json::value_t::array:
      value.mutable_list_value();
      for (const nlohmann::json& item : json) *value.mutable_list_value()->add_values() = ToValue(item);
      break;
    default: value.set_null_value(google::protobuf::NULL_VALUE);
  }
  return value;
}

google::protobuf::Struct ToStruct(const nlohmann::json& json) {
  google::protobuf::Struct object;
  for (const auto& [name, item] : json.items()) (*object.mutable_fields())[name] = ToValue(item);
  return object;
}

}  // namespace stratus::provisioning::engine
