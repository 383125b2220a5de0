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

Verdict CheckMembers(const object& members, int depth_left) {
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
  if (value.get_object().get(members) == simdjson::SUCCESS) return CheckMembers(members, depth_left);
  array items;
  if (value.get_array().get(items) == simdjson::SUCCESS) return CheckArray(items, depth_left);
  return Verdict::Accepted();
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// simdjson refuses a text for one integer that does not fit 64 bits. Gives such integers an exponent, which makes them
// doubles. What is no JSON stays none.
std::string WithLongIntegersAsDoubles(std::string_view text) {
  constexpr size_t kDigitsAlwaysFit = 18;
  std::string widened;
  bool in_string = false;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (in_string || !IsDigit(c)) {
      if (c == '"') in_string = !in_string;
      const size_t length = in_string && c == '\\' ? 2 : 1;
      widened.append(text.substr(i, length));
      i += length;
      continue;
    }
    size_t end = i;
    while (end < text.size() && IsDigit(text[end])) ++end;
    widened.append(text.substr(i, end - i));
    const char before = i == 0 ? '\0' : text[i - 1];
    const char after = end == text.size() ? '\0' : text[end];
    const bool integer = before != '.' && before != 'e' && before != 'E' && before != '+' && after != '.' &&
                         after != 'e' && after != 'E';
    if (integer && end - i > kDigitsAlwaysFit) widened += "e0";
    i = end;
  }
  return widened;
}

}  // namespace

Verdict StrictJsonReader::CheckObject(const object& members, int depth_max) { return CheckMembers(members, depth_max); }

Verdict StrictJsonReader::CheckNames(const object& members) {
  return HasDuplicateNames(members) ? Verdict::Refused("JSON name given twice") : Verdict::Accepted();
}

Verdict StrictJsonReader::ParseUnchecked(std::string_view text, object* root) {
  const auto parse = [this](std::string_view json, element* document) {
    padded_.assign(json);
    padded_.resize(json.size() + simdjson::SIMDJSON_PADDING);
    return parser_.parse(padded_.data(), json.size(), false).get(*document) == simdjson::SUCCESS;
  };
  element document;
  if (!parse(text, &document) && !parse(WithLongIntegersAsDoubles(text), &document)) {
    return Verdict::Refused("not valid JSON");
  }
  if (document.get_object().get(*root) != simdjson::SUCCESS) return Verdict::Refused("JSON is not an object");
  return Verdict::Accepted();
}

Verdict StrictJsonReader::ParseObject(std::string_view text, int depth_max, object* root) {
  const Verdict verdict = ParseUnchecked(text, root);
  return verdict.ok() ? CheckMembers(*root, depth_max) : verdict;
}

}  // namespace stratus::auth
