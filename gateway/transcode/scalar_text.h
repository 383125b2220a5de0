// Text to wire format, for what JSON strings, map keys and query parameters have in common.
#pragma once

#include <cstdint>
#include <string_view>

#include "gateway/transcode/tables.h"

namespace stratus::gateway::transcode {

// Functions here return null, or what is wrong with the text, as a literal.
using Reason = const char*;

// A whole number as the bits that go on the wire, if the kind holds it.
inline Reason WholeToBits(Kind kind, bool negative, uint64_t magnitude, uint64_t* bits) {
  const uint64_t value = negative ? 0 - magnitude : magnitude;
  *bits = value;
  switch (kind) {
    case Kind::kInt32:
    case Kind::kSfixed32:
    case Kind::kSint32:
    case Kind::kEnum:
      if (magnitude > uint64_t{INT32_MAX} + negative) return "out of the range of a 32-bit integer";
      break;
    case Kind::kInt64:
    case Kind::kSfixed64:
    case Kind::kSint64:
      if (magnitude > uint64_t{INT64_MAX} + negative) return "out of the range of a 64-bit integer";
      break;
    case Kind::kUint32:
    case Kind::kFixed32:
      if (magnitude > UINT32_MAX || (negative && magnitude != 0))
        return "out of the range of an unsigned 32-bit integer";
      break;
    default:
      if (negative && magnitude != 0) return "out of the range of an unsigned 64-bit integer";
  }
  if (kind == Kind::kSint32 || kind == Kind::kSint64) *bits = ZigZag(static_cast<int64_t>(value));
  return nullptr;
}

// A number, bool or enum (by name, or by number) from its text.
Reason TextToBits(const FieldTable& field, std::string_view text, uint64_t* bits);

// A float or double, from a JSON number or the names of NaN and the infinities.
Reason TextToFloating(Kind kind, std::string_view text, uint64_t* bits);

// The number of an enum's value by its name; false when there is none.
bool EnumByName(const EnumTable& enumeration, std::string_view name, uint64_t* bits);

// Whether the enum takes this number: a closed one takes only those it declares.
bool EnumTakes(const EnumTable& enumeration, uint64_t bits);

// Writes a scalar's bits; needs kVarintSizeMax bytes of room.
inline char* WriteBits(uint32_t wire_type, uint64_t bits, char* out) {
  if (wire_type == kVarint) return WriteVarint(out, bits);
  std::memcpy(out, &bits, 8);
  return out + (wire_type == kFixed64 ? 8 : 4);
}

// Writes the tag; scribbles up to eight bytes.
inline char* WriteTag(const FieldTable& field, char* out) {
  std::memcpy(out, &field.tag_bytes, sizeof field.tag_bytes);
  return out + field.tag_size;
}

// The content of a Timestamp or Duration message from its text; needs kTimeWireSizeMax bytes of room, moves *out.
inline constexpr size_t kTimeWireSizeMax = 32;
Reason TextToTime(WellKnown type, std::string_view text, char** out);

// What a path of a FieldMask may hold in JSON beside lower-case letters and digits: `*` for all fields (AIP-134,
// AIP-161), the points and backquotes around the keys of maps, and whatever else needs no escape in JSON; no spaces.
bool IsMaskCharacter(char c);

// The content of a FieldMask from its text; needs FieldMaskWireSizeMax(text) bytes of room. JSON has lowerCamelCase
// paths only; elsewhere `snake_case` is taken as well.
inline size_t FieldMaskWireSizeMax(std::string_view text) { return 8 * text.size() + 16; }
Reason TextToFieldMask(std::string_view text, bool snake_case_too, char** out);

}  // namespace stratus::gateway::transcode
