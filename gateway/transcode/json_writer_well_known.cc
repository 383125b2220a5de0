// The types whose JSON is not an object of their fields.
#include <bit>
#include <cmath>

#include "gateway/transcode/json_writer.h"
#include "gateway/transcode/scalar_text.h"
#include "gateway/transcode/wire.h"

namespace stratus::gateway::transcode {
namespace {

constexpr uint32_t Tag(uint32_t number, WireType type) { return number << 3 | type; }

char* WriteText(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }

}  // namespace

char* JsonWriter::WellKnownType(const MessageTable& message, Range wire, char* out, int depth) {
  switch (message.well_known) {
    case WellKnown::kTimestamp:
    case WellKnown::kDuration: return Time(message, wire, out);
    case WellKnown::kFieldMask: return FieldMask(message, wire, out);
    case WellKnown::kStruct: return Struct(message, wire, out, depth);
    case WellKnown::kListValue: return ListValue(message, wire, out, depth);
    case WellKnown::kValue: return Value(message, wire, out, depth);
    case WellKnown::kWrapper: return Wrapper(message, wire, out);
    case WellKnown::kAny: return Any(message, wire, out, depth);
    case WellKnown::kNone: break;
  }
  return Object(message, wire, out, depth);
}

char* JsonWriter::Time(const MessageTable& message, Range wire, char* out) {
  uint64_t seconds = 0;
  uint64_t nanos = 0;
  for (const char* p = wire.begin; p < wire.end;) {
    uint32_t tag;
    p = ReadTag(p, wire.end, &tag);
    if (p == nullptr) return Malformed();
    if (tag == Tag(1, kVarint)) {
      p = ReadVarint(p, wire.end, &seconds);
    } else if (tag == Tag(2, kVarint)) {
      p = ReadVarint(p, wire.end, &nanos);
    } else {
      p = SkipValue(tag, p, wire.end, depth_max_);
    }
    if (p == nullptr) return Malformed();
  }
  *out++ = '"';
  const auto narrow_nanos = static_cast<int32_t>(nanos);
  const bool timestamp = message.well_known == WellKnown::kTimestamp;
  out = timestamp ? timestamps_.Write(out, static_cast<int64_t>(seconds), narrow_nanos)
                  : WriteDuration(out, static_cast<int64_t>(seconds), narrow_nanos);
  if (out == nullptr) return Fail(timestamp ? "timestamp out of range" : "duration out of range");
  *out++ = '"';
  return out;
}

char* JsonWriter::FieldMask(const MessageTable& message, Range wire, char* out) {
  const size_t start = Offset(out);
  for (const char* p = wire.begin; p < wire.end;) {
    uint32_t tag;
    p = ReadTag(p, wire.end, &tag);
    if (p == nullptr) return Malformed();
    const char* const next = SkipValue(tag, p, wire.end, depth_max_);
    if (next == nullptr) return Malformed();
    if (tag == Tag(1, kLength)) {
      size_t length;
      const char* const path = ReadLength(p, wire.end, &length);
      *(out = Room(out, 1))++ = ',';
      out = MaskPath({path, length}, out);
      if (out == nullptr) return Within(message.fields[0]);
    }
    p = next;
  }
  out = Room(out, 2);
  if (Offset(out) == start) {
    *out++ = '"';
  } else {
    *At(start) = '"';
  }
  *out++ = '"';
  return out;
}

// snake_case to lowerCamelCase; what would not come back the same is refused.
char* JsonWriter::MaskPath(std::string_view path, char* out) {
  out = Room(out, path.size());
  for (size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    if (c == '_') {
      if (++i == path.size() || !IsLower(path[i])) return Fail("path has no lowerCamelCase form");
      c = static_cast<char>(path[i] - 'a' + 'A');
    } else if (!IsMaskCharacter(c) || (c >= 'A' && c <= 'Z')) {
      return Fail("path has no lowerCamelCase form");
    }
    *out++ = c;
  }
  return out;
}

char* JsonWriter::Struct(const MessageTable& message, Range wire, char* out, int depth) {
  if (depth <= 0) return Fail("nested too deeply");
  Ranges entries;
  for (const char* p = wire.begin; p < wire.end;) {
    uint32_t tag;
    p = ReadTag(p, wire.end, &tag);
    if (p == nullptr) return Malformed();
    const char* const next = SkipValue(tag, p, wire.end, depth);
    if (next == nullptr) return Malformed();
    if (tag == Tag(1, kLength)) {
      size_t length;
      const char* const begin = ReadLength(p, wire.end, &length);
      entries.push_back({begin, begin + length});
    }
    p = next;
  }
  return MapEntries(message.fields[0], entries, out, depth - 1);
}

char* JsonWriter::ListValue(const MessageTable& message, Range wire, char* out, int depth) {
  if (depth <= 0) return Fail("nested too deeply");
  const FieldTable& values = message.fields[0];
  *out++ = '[';
  const size_t first = Offset(out);
  size_t index = 0;
  for (const char* p = wire.begin; p < wire.end;) {
    uint32_t tag;
    p = ReadTag(p, wire.end, &tag);
    if (p == nullptr) return Malformed();
    const char* const next = SkipValue(tag, p, wire.end, depth);
    if (next == nullptr) return Malformed();
    if (tag == Tag(1, kLength)) {
      out = Element(values, kLength, p, wire.end, out, depth - 1).out;
      if (out == nullptr) return Within(values, index);
      ++index;
    }
    p = next;
  }
  out = Room(out, kRoom);
  if (Offset(out) != first) --out;
  *out++ = ']';
  return out;
}

char* JsonWriter::Value(const MessageTable& message, Range wire, char* out, int depth) {
  // The last member stands; a struct or list in several parts merges.
  Occurrences parts;
  for (const char* p = wire.begin; p < wire.end;) {
    uint32_t tag;
    p = ReadTag(p, wire.end, &tag);
    if (p == nullptr) return Malformed();
    const char* const next = SkipValue(tag, p, wire.end, depth + 1);
    if (next == nullptr) return Malformed();
    const FieldTable* const field = message.ByNumber(tag >> 3);
    if (field != nullptr && tag == field->tag()) {
      if (!parts.empty() && parts.back().field != field) parts.clear();
      if (!field->is_message()) parts.clear();
      ReadOccurrence(*field, tag, p, next, depth, &parts.emplace_back());
    }
    p = next;
  }
  out = Room(out, kRoom);
  if (parts.empty()) return WriteText(out, "null");
  const Occurrence& value = parts.back();
  if (value.field->is_message()) return MergedMessage(*value.field, parts, out, depth);
  if (value.wire_type == kLength) {
    return String({value.begin, static_cast<size_t>(value.end - value.begin)}, out);
  }
  uint64_t bits = 0;
  ReadScalar(value.wire_type, value.begin, value.end, &bits);
  if (value.field->kind == Kind::kDouble && !std::isfinite(std::bit_cast<double>(bits))) {
    return Fail("a google.protobuf.Value cannot hold NaN or infinity");
  }
  return Scalar(*value.field, bits, out);
}

char* JsonWriter::Wrapper(const MessageTable& message, Range wire, char* out) {
  const FieldTable& field = message.fields[0];
  uint64_t bits = 0;
  std::string_view text("");
  for (const char* p = wire.begin; p < wire.end;) {
    uint32_t tag;
    p = ReadTag(p, wire.end, &tag);
    if (p == nullptr) return Malformed();
    if (tag != field.tag()) {
      p = SkipValue(tag, p, wire.end, depth_max_);
    } else if (field.wire_type == kLength) {
      size_t length;
      p = ReadLength(p, wire.end, &length);
      if (p == nullptr) return Malformed();
      text = {p, length};
      p += length;
    } else {
      p = ReadScalar(field.wire_type, p, wire.end, &bits);
    }
    if (p == nullptr) return Malformed();
  }
  return field.wire_type == kLength ? TextOrBytes(field, text, out) : Scalar(field, bits, out);
}

char* JsonWriter::Any(const MessageTable& message, Range wire, char* out, int depth) {
  std::string_view url("");
  std::string_view value("");
  for (const char* p = wire.begin; p < wire.end;) {
    uint32_t tag;
    p = ReadTag(p, wire.end, &tag);
    if (p == nullptr) return Malformed();
    const char* const next = SkipValue(tag, p, wire.end, depth_max_);
    if (next == nullptr) return Malformed();
    if (tag == Tag(1, kLength) || tag == Tag(2, kLength)) {
      size_t length;
      const char* const begin = ReadLength(p, wire.end, &length);
      (tag == Tag(1, kLength) ? url : value) = {begin, length};
    }
    p = next;
  }
  if (url.empty() && value.empty()) return WriteText(out, "{}");
  if (depth <= 0) return Fail("nested too deeply");
  if (url.empty()) return Fail("an Any without a type URL");
  out = String(url, WriteText(out, "{\"@type\":"));
  if (out == nullptr) return nullptr;
  const MessageTable* const type = message.types->FindByUrl(url);
  const Range content{value.data(), value.data() + value.size()};
  if (type == nullptr) {
    // A type that the descriptors do not hold: nothing is lost, and nothing fails.
    out = Bytes(value, WriteText(out, ",\"value\":"));
  } else if (type->well_known != WellKnown::kNone) {
    out = WellKnownType(*type, content, WriteText(out, ",\"value\":"), depth - 1);
  } else {
    out = Fields(*type, content, out, depth - 1);
  }
  if (out == nullptr) return nullptr;
  *(out = Room(out, kRoom))++ = '}';
  return out;
}

}  // namespace stratus::gateway::transcode
