// The types whose JSON is not an object of their fields.
#include "gateway/transcode/base64.h"
#include "gateway/transcode/wire_writer.h"

namespace stratus::gateway::transcode {
namespace {

constexpr char Tag(uint32_t number, WireType type) { return static_cast<char>(number << 3 | type); }

}  // namespace

WireWriter::Place WireWriter::WellKnownType(const MessageTable& message, Place at, int depth) {
  switch (message.well_known) {
    case WellKnown::kTimestamp:
    case WellKnown::kDuration:
    case WellKnown::kFieldMask: return TimeOrMask(message, at);
    case WellKnown::kWrapper: return Wrapper(message, at);
    case WellKnown::kValue: return Value(message, at, depth);
    case WellKnown::kStruct: return Struct(message, at, depth);
    case WellKnown::kListValue: return ListValue(message, at, depth);
    case WellKnown::kAny: return Any(message, at, depth);
    case WellKnown::kNone: break;
  }
  return Object(message, at, depth, /*in_any=*/false);
}

WireWriter::Place WireWriter::TimeOrMask(const MessageTable& message, Place at) {
  if (*at.in != '"') return {Expected(at.in, "a string"), nullptr};
  std::string_view text;
  const char* const p = Text(at.in + 1, &text);
  if (p == nullptr) return Failed();
  Reason reason;
  char* out;
  if (message.well_known == WellKnown::kFieldMask) {
    out = Room(at.out, FieldMaskWireSizeMax(text));
    reason = TextToFieldMask(text, /*snake_case_too=*/false, &out);
  } else {
    out = Room(at.out, kTimeWireSizeMax);
    reason = TextToTime(message.well_known, text, &out);
  }
  if (reason != nullptr) return {Fail(reason), nullptr};
  return {p, out};
}

WireWriter::Place WireWriter::Wrapper(const MessageTable& message, Place at) {
  const FieldTable& value = message.fields[0];
  if (*at.in == 'n') return {Fail("null is no value here"), nullptr};
  int length_size = 1;
  return value.kind >= Kind::kString ? Delimited(value, at, 0, &length_size) : Singular(value, at);
}

WireWriter::Place WireWriter::Value(const MessageTable& message, Place at, int depth) {
  const FieldTable* const member = &message.fields[0];  // in the order of their numbers, 1 to 6
  int length_size = 1;
  switch (*at.in) {
    case 'n': return Singular(member[0], at);
    case '"': return Text(member[2], at);
    case 't':
    case 'f': return Singular(member[3], at);
    case '{': return Delimited(member[4], at, depth, &length_size);
    case '[': return Delimited(member[5], at, depth, &length_size);
    default: return Singular(member[1], at);
  }
}

WireWriter::Place WireWriter::Struct(const MessageTable& message, Place at, int depth) {
  if (depth <= 0) return {Fail("nested too deeply"), nullptr};
  return Map(message.fields[0], at, depth - 1);
}

WireWriter::Place WireWriter::ListValue(const MessageTable& message, Place at, int depth) {
  if (depth <= 0) return {Fail("nested too deeply"), nullptr};
  return Repeated(message.fields[0], at, depth - 1);
}

WireWriter::Place WireWriter::Any(const MessageTable& message, Place at, int depth) {
  if (*at.in != '{') return {Expected(at.in, "an object"), nullptr};
  if (depth <= 0) return {Fail("nested too deeply"), nullptr};
  if (const char* const p = SkipSpace(at.in + 1); *p == '}') return {p + 1, at.out};
  std::string url;
  if (FindTypeUrl(at.in, depth - 1, &url) == nullptr) return Failed();
  char* out = Room(at.out, url.size() + kRoom);
  *out++ = Tag(1, kLength);
  out = WriteVarint(out, url.size());
  std::memcpy(out, url.data(), url.size());
  out += url.size();
  const MessageTable* const type = message.types->FindByUrl(url);
  *out++ = Tag(2, kLength);
  const Hole hole = OpenHole(&out, 1);
  const size_t content = Offset(out);
  Place done;
  if (type == nullptr || type->well_known != WellKnown::kNone) {
    done = AnyValue({at.in, out}, type, depth - 1);
  } else {
    done = Object(*type, {at.in, out}, depth, /*in_any=*/true);
  }
  if (done.in == nullptr) return Failed();
  // An empty value is absent.
  if (Offset(done.out) == content) return {done.in, At(hole.offset) - 1};
  return {done.in, CloseHole(hole, done.out)};
}

// The object of a type with JSON of its own, under "value"; or of an unknown type, its bytes under "value".
WireWriter::Place WireWriter::AnyValue(Place at, const MessageTable* type, int depth) {
  bool type_seen = false;
  bool value_seen = false;
  Place here{SkipSpace(at.in + 1), at.out};
  for (;;) {
    if (*here.in != '"') return {Syntax(here.in, "a name in quotes is expected"), nullptr};
    std::string_view name;
    here.in = Text(here.in + 1, &name);
    if (here.in == nullptr) return Failed();
    const bool is_type = name == "@type";
    const bool is_value = name == "value";
    if (!is_type && !is_value) {
      if (type == nullptr)
        return {Fail("the type of \"@type\" is not known, and not given as base64 \"value\""), nullptr};
      if (!ignore_unknown_) {
        Fail("no such field beside \"@type\" and \"value\"");
        return {Within(name), nullptr};
      }
    }
    here.in = Colon(here.in);
    if (here.in == nullptr) return Failed();
    if ((is_type && type_seen) || (is_value && value_seen)) {
      return {Fail(is_type ? "\"@type\" is given twice" : "\"value\" is given twice"), nullptr};
    }
    type_seen = type_seen || is_type;
    value_seen = value_seen || is_value;
    if (!is_value) {
      here.in = Skip(here.in, depth);
    } else if (type == nullptr) {
      here = OpaqueBytes(here);
    } else {
      here = Message(*type, here, depth);
    }
    if (here.in == nullptr) return is_value ? Place{Within("value"), nullptr} : Failed();
    here.in = NextMember(here.in, '}');
    if (here.in == nullptr) return Failed();
    if (*here.in == '}') break;
  }
  if (!value_seen) return {Fail("\"value\" is missing beside \"@type\""), nullptr};
  return {here.in + 1, here.out};
}

WireWriter::Place WireWriter::OpaqueBytes(Place at) {
  if (*at.in != '"') return {Fail("the type of \"@type\" is not known: its bytes are expected, as base64"), nullptr};
  std::string_view text;
  const char* const p = Text(at.in + 1, &text);
  if (p == nullptr) return Failed();
  char* const out = ReadBase64(Room(at.out, text.size() + kRoom), text);
  if (out == nullptr) return {Fail("not base64"), nullptr};
  return {p, out};
}

// "@type" may stand anywhere in the object that starts at `p`.
const char* WireWriter::FindTypeUrl(const char* p, int depth, std::string* url) {
  p = SkipSpace(p + 1);
  for (;;) {
    if (*p != '"') return Syntax(p, "a name in quotes is expected");
    std::string_view name;
    p = Text(p + 1, &name);
    if (p == nullptr) return nullptr;
    const bool found = name == "@type";
    p = Colon(p);
    if (p == nullptr) return nullptr;
    if (found) {
      if (*p != '"') return Expected(p, "a type URL");
      std::string_view text;
      p = Text(p + 1, &text);
      if (p == nullptr) return nullptr;
      if (text.find('/') == std::string_view::npos || text.ends_with('/')) {
        return Fail("\"@type\" is not a type URL, such as type.googleapis.com/google.protobuf.Duration");
      }
      url->assign(text);
      return p;
    }
    const char* const value = p;
    p = Skip(p, depth);
    if (p == nullptr) return nullptr;
    const auto skipped = static_cast<size_t>(p - value);
    if (skipped > search_left_) return Fail("too much inside of each other: \"@type\" must come first");
    search_left_ -= skipped;
    p = NextMember(p, '}');
    if (p == nullptr) return nullptr;
    if (*p == '}') return Fail("\"@type\" is missing");
  }
}

}  // namespace stratus::gateway::transcode
