#include "lib/auth/strict_json.h"

#include <algorithm>
#include <vector>

namespace stratus::auth {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

// Names are compared as decoded: `"exp"` and `"\u0065xp"` are the same. Most objects in tokens are small, and for them
// the quadratic search beats sorting; past that size an attacker would choose how slow it is.
bool HasDuplicateNames(const object& members) {
  constexpr size_t kSmall = 16;
  std::string_view small[kSmall];
  size_t count = 0;
  for (const auto member : members) {
    if (count == kSmall) break;
    for (size_t i = 0; i < count; ++i) {
      if (small[i] == member.key) return true;
    }
    small[count++] = member.key;
  }
  if (count < kSmall) return false;
  std::vector<std::string_view> names;
  for (const auto member : members) names.push_back(member.key);
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) != names.end();
}

Verdict CheckValue(const element& value, int depth_left);

Verdict CheckObject(const object& members, int depth_left) {
  if (depth_left == 0) return Verdict::Refused("JSON nested too deeply");
  if (HasDuplicateNames(members)) return Verdict::Refused("JSON name given twice");
  for (const auto member : members) {
    if (const Verdict verdict = CheckValue(member.value, depth_left - 1); !verdict.ok()) return verdict;
  }
  return Verdict::Accepted();
}

Verdict CheckArray(const array& items, int depth_left) {
  if (depth_left == 0) return Verdict::Refused("JSON nested too deeply");
  for (const element item : items) {
    if (const Verdict verdict = CheckValue(item, depth_left - 1); !verdict.ok()) return verdict;
  }
  return Verdict::Accepted();
}

Verdict CheckValue(const element& value, int depth_left) {
  object members;
  if (value.get_object().get(members) == simdjson::SUCCESS) return CheckObject(members, depth_left);
  array items;
  if (value.get_array().get(items) == simdjson::SUCCESS) return CheckArray(items, depth_left);
  return Verdict::Accepted();
}

}  // namespace

Verdict StrictJsonReader::ParseObject(std::string_view text, int depth_max, object* root) {
  padded_.assign(text);
  padded_.resize(text.size() + simdjson::SIMDJSON_PADDING);
  element document;
  if (parser_.parse(padded_.data(), text.size(), false).get(document) != simdjson::SUCCESS) {
    return Verdict::Refused("not valid JSON");
  }
  if (document.get_object().get(*root) != simdjson::SUCCESS) return Verdict::Refused("JSON is not an object");
  return CheckObject(*root, depth_max);
}

}  // namespace stratus::auth
