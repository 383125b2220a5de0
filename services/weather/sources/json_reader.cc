#include "services/weather/sources/json_reader.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "lib/core/status.h"

namespace stratus::weather::json {
namespace {

constexpr size_t kTextBytesMax = 256;
constexpr int64_t kYear2000 = 946684800;
constexpr int64_t kYear2100 = 4102444800;

// The text with every bare NaN, Infinity or inf outside of strings, signed or not, replaced by null.
std::string WithoutBareNumberNames(std::string_view text) {
  std::string repaired;
  repaired.reserve(text.size());
  bool in_string = false;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (in_string || c == '"') {
      if (c == '"') in_string = !in_string;
      const size_t length = c == '\\' && in_string ? 2 : 1;
      repaired.append(text.substr(i, length));
      i += length;
      continue;
    }
    size_t end = i + (c == '-' || c == '+' ? 1 : 0);
    while (end < text.size() && absl::ascii_isalpha(static_cast<unsigned char>(text[end]))) ++end;
    const std::string word = absl::AsciiStrToLower(core::ToAbsl(text.substr(i, end - i)));
    const std::string_view name = std::string_view(word).substr(word.starts_with('-') || word.starts_with('+') ? 1 : 0);
    if (name == "nan" || name == "inf" || name == "infinity") {
      repaired += "null";
      i = end;
    } else {
      end = std::max(end, i + 1);
      repaired.append(text.substr(i, end - i));
      i = end;
    }
  }
  return repaired;
}

}  // namespace

std::optional<Document> Document::Parse(std::string_view text) {
  Document document;
  // parse() copies into a padded buffer of its own, so `text` may go.
  if (document.parser_->parse(text.data(), text.size()).get(document.root_) != simdjson::SUCCESS) {
    const std::string repaired = WithoutBareNumberNames(text);
    if (document.parser_->parse(repaired).get(document.root_) != simdjson::SUCCESS) return std::nullopt;
  }
  if (!document.root_.is_object() && !document.root_.is_array()) return std::nullopt;
  return document;
}

std::optional<Element> Member(const Element& parent, const char* key) {
  simdjson::dom::object object;
  Element value;
  if (parent.get_object().get(object) != simdjson::SUCCESS) return std::nullopt;
  if (object.at_key(key).get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
  return value;
}

std::optional<double> Number(const std::optional<Element>& element, Range range) {
  double value = 0;
  if (!element || element->get_double().get(value) != simdjson::SUCCESS || !std::isfinite(value)) return std::nullopt;
  if (value < range.min || value > range.max) return std::nullopt;
  return value;
}

std::optional<double> Number(const Element& parent, const char* key, Range range) {
  return Number(Member(parent, key), range);
}

std::optional<int> Integer(const Element& parent, const char* key, int min, int max) {
  const auto value = Number(parent, key, {static_cast<double>(min), static_cast<double>(max)});
  if (!value || *value != std::floor(*value)) return std::nullopt;
  return static_cast<int>(*value);
}

std::optional<absl::Time> Time(const std::optional<Element>& element) {
  const auto seconds = Number(element, {static_cast<double>(kYear2000), static_cast<double>(kYear2100)});
  if (!seconds) return std::nullopt;
  return absl::FromUnixSeconds(static_cast<int64_t>(*seconds));
}

std::string Text(const Element& parent, const char* key) {
  const auto element = Member(parent, key);
  std::string_view text;
  if (!element || element->get_string().get(text) != simdjson::SUCCESS) return {};
  if (text.size() <= kTextBytesMax) return std::string(text);
  size_t end = kTextBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end));
}

}  // namespace stratus::weather::json
