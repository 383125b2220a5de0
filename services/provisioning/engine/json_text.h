// Reading JSON that may have any shape.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace stratus::provisioning::engine {

// The member, or null when `object` is no object or has none.
inline const nlohmann::json& Member(const nlohmann::json& object, const char* name) {
  static const nlohmann::json null;
  if (!object.is_object()) return null;
  const auto at = object.find(name);
  return at == object.end() ? null : *at;
}

// The member when it is a string, else empty.
inline std::string Text(const nlohmann::json& object, const char* name) {
  const nlohmann::json& member = Member(object, name);
  return member.is_string() ? member.get<std::string>() : std::string();
}

// The member when it is a number within `min` and `max`, else 0.
inline int64_t Number(const nlohmann::json& object, const char* name, int64_t min, int64_t max) {
  const nlohmann::json& member = Member(object, name);
  if (!member.is_number()) return 0;
  const double number = member.get<double>();
  return number >= static_cast<double>(min) && number <= static_cast<double>(max) ? static_cast<int64_t>(number) : 0;
}

}  // namespace stratus::provisioning::engine
