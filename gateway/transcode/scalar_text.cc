#include "gateway/transcode/scalar_text.h"

#include <bit>
#include <limits>

#include "gateway/transcode/number_parse.h"
#include "gateway/transcode/time_text.h"

namespace stratus::gateway::transcode {
namespace {

Reason WholeFromText(Kind kind, std::string_view text, uint64_t* bits) {
  bool negative;
  uint64_t magnitude;
  switch (ParseWhole(text, &negative, &magnitude)) {
    case NumberError::kNone: return WholeToBits(kind, negative, magnitude, bits);
    case NumberError::kNotANumber: return "not a number";
    case NumberError::kNotAnInteger: return "not a whole number";
    case NumberError::kOutOfRange: return "out of the range of an integer";
  }
  return "not a number";
}

Reason BoolFromText(std::string_view text, uint64_t* bits) {
  if (text != "true" && text != "false") return "neither true nor false";
  *bits = text == "true";
  return nullptr;
}

bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }

}  // namespace

bool IsMaskCharacter(char c) { return c > ' ' && c <= '~' && c != ',' && c != '"' && c != '\\'; }

Reason TextToFloating(Kind kind, std::string_view text, uint64_t* bits) {
  double value = 0;
  if (text == "NaN") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else if (text == "Infinity") {
    value = std::numeric_limits<double>::infinity();
  } else if (text == "-Infinity") {
    value = -std::numeric_limits<double>::infinity();
  } else {
    if (text.empty() || ScanNumber(text.data(), text.data() + text.size()) != text.data() + text.size()) {
      return "not a number";
    }
    float narrow = 0;
    const NumberError error = kind == Kind::kFloat ? ParseFloat(text, &narrow) : ParseDouble(text, &value);
    if (error == NumberError::kNotANumber) return "not a number";
    if (error == NumberError::kOutOfRange)
      return kind == Kind::kFloat ? "out of a float's range" : "out of a double's range";
    if (kind == Kind::kFloat) value = static_cast<double>(narrow);
  }
  *bits = kind == Kind::kFloat ? std::bit_cast<uint32_t>(static_cast<float>(value)) : std::bit_cast<uint64_t>(value);
  return nullptr;
}

bool EnumByName(const EnumTable& enumeration, std::string_view name, uint64_t* bits) {
  const uint32_t at = enumeration.names.Find(name);
  if (at == NameIndex::kNone) return false;
  *bits = static_cast<uint64_t>(static_cast<int64_t>(enumeration.numbers[at]));
  return true;
}

bool EnumTakes(const EnumTable& enumeration, uint64_t bits) {
  return !enumeration.closed || enumeration.Name(static_cast<int32_t>(bits)) != nullptr;
}

Reason TextToBits(const FieldTable& field, std::string_view text, uint64_t* bits) {
  switch (field.kind) {
    case Kind::kBool: return BoolFromText(text, bits);
    case Kind::kDouble:
    case Kind::kFloat: return TextToFloating(field.kind, text, bits);
    case Kind::kEnum:
      if (EnumByName(*field.enumeration, text, bits)) return nullptr;
      if (WholeFromText(Kind::kEnum, text, bits) != nullptr || !EnumTakes(*field.enumeration, *bits)) {
        return "not a value of the enum";
      }
      return nullptr;
    default: return WholeFromText(field.kind, text, bits);
  }
}

Reason TextToTime(WellKnown type, std::string_view text, char** out) {
  int64_t seconds;
  int32_t nanos;
  if (type == WellKnown::kTimestamp) {
    if (!ParseTimestamp(text, &seconds, &nanos)) return "not an RFC 3339 time, such as 2026-01-31T12:00:00Z";
  } else if (!ParseDuration(text, &seconds, &nanos)) {
    return "not a duration in seconds, such as 1.5s";
  }
  char* at = *out;
  if (seconds != 0) {
    *at++ = 1 << 3;
    at = WriteVarint(at, static_cast<uint64_t>(seconds));
  }
  if (nanos != 0) {
    *at++ = 2 << 3;
    at = WriteVarint(at, static_cast<uint64_t>(static_cast<int64_t>(nanos)));
  }
  *out = at;
  return nullptr;
}

Reason TextToFieldMask(std::string_view text, bool snake_case_too, char** out) {
  char* at = *out;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view path = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    if (path.empty() || (comma != std::string_view::npos && text.empty())) return "an empty path in a field mask";
    size_t size = path.size();
    for (const char c : path) {
      if (!IsMaskCharacter(c) || (c == '_' && !snake_case_too)) return "a path of a field mask is not lowerCamelCase";
      size += IsUpper(c);
    }
    *at++ = 1 << 3 | kLength;
    at = WriteVarint(at, size);
    for (const char c : path) {
      if (IsUpper(c)) {
        *at++ = '_';
        *at++ = static_cast<char>(c - 'A' + 'a');
      } else {
        *at++ = c;
      }
    }
  }
  *out = at;
  return nullptr;
}

}  // namespace stratus::gateway::transcode
