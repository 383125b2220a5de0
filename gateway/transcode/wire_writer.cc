#include "gateway/transcode/wire_writer.h"

#include <emmintrin.h>

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gateway/transcode/base64.h"
#include "gateway/transcode/json_text.h"
#include "gateway/transcode/number_parse.h"
#include "lib/core/status.h"

namespace stratus::gateway::transcode {

// Bits for messages with more fields or oneofs than a word holds.
struct WireWriter::WideSlots {
  explicit WideSlots(size_t size) : words((size + kSlotsPerWord - 1) / kSlotsPerWord) {}
  bool Take(size_t slot) {
    SlotSet& word = words[slot / kSlotsPerWord];
    const SlotSet bit = SlotSet{1} << (slot % kSlotsPerWord);
    const bool fresh = (word & bit) == 0;
    word |= bit;
    return fresh;
  }
  absl::InlinedVector<SlotSet, 8> words;
};

namespace {

struct NarrowSlots {
  explicit NarrowSlots(size_t) {}
  bool Take(size_t slot) {
    const SlotSet bit = SlotSet{1} << slot;
    const bool fresh = (word & bit) == 0;
    word |= bit;
    return fresh;
  }
  SlotSet word = 0;
};

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// Whether `p` starts with the text. Compares a block where it can.
bool StartsWith(const char* p, const char* end, const Text& text) {
  if (text.size <= 16 && end - p >= 16) [[likely]] {
    const __m128i equal = _mm_cmpeq_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)),
                                         _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data)));
    const uint32_t wanted = (uint32_t{1} << text.size) - 1;
    return (static_cast<uint32_t>(_mm_movemask_epi8(equal)) & wanted) == wanted;
  }
  return static_cast<size_t>(end - p) >= text.size && std::memcmp(p, text.data, text.size) == 0;
}

}  // namespace

bool WireWriter::Run(const MessageTable& message, std::string_view json) {
  const char* const p = Begin(json);
  return p != nullptr && End(Message(message, {p, Grow(buffer_->end(), kRoom)}, depth_max_));
}

bool WireWriter::RunField(const FieldTable& field, std::string_view json) {
  const char* const p = Begin(json);
  if (p == nullptr) return false;
  const Place at{p, Grow(buffer_->end(), kRoom)};
  const Place done = *p == 'n' && !TakesNull(field) ? Null(field, at) : Field(field, at, depth_max_);
  if (done.in == nullptr) return Within(field.json_name) != nullptr;
  return End(done);
}

const char* WireWriter::Begin(std::string_view json) {
  while (!json.empty() && IsSpace(json.back())) json.remove_suffix(1);
  if (json.empty() || (json.back() != '}' && json.back() != ']')) {
    copy_.assign(json.data(), json.size());
    copy_ += '}';
    begin_ = copy_.data();
    end_ = begin_ + copy_.size();
    json_end_ = end_ - 1;
  } else {
    begin_ = json.data();
    end_ = json_end_ = begin_ + json.size();
  }
  search_left_ = std::max(kSearchBytesMin, kSearchesMax * json.size());
  const char* const p = SkipSpace(begin_);
  return p == json_end_ ? Syntax(p, "a value is missing") : p;
}

bool WireWriter::End(Place at) {
  if (at.in == nullptr) return false;
  const char* p = at.in;
  if (p < json_end_) p = SkipSpace(p);
  if (p > json_end_) return Syntax(json_end_, "the text ends too early") != nullptr;
  if (p != json_end_) return Syntax(p, "unexpected text behind the value") != nullptr;
  buffer_->SetEnd(at.out);
  return true;
}

char* WireWriter::Grow(char* out, size_t bytes) {
  buffer_->SetEnd(out);
  out = buffer_->Reserve(bytes);
  limit_ = buffer_->data() + buffer_->capacity();
  return out;
}

char* WireWriter::CloseHole(const Hole& hole, char* out, int* size) {
  const size_t length = Offset(out) - hole.offset - static_cast<size_t>(hole.size);
  *size = VarintSize(length);
  if (*size != hole.size) [[unlikely]] {
    out = Room(out, kRoom);
    char* const content = At(hole.offset) + hole.size;
    std::memmove(content + (*size - hole.size), content, length);
    out += *size - hole.size;
  }
  WriteVarint(At(hole.offset), length);
  return out;
}

WireWriter::Place WireWriter::Message(const MessageTable& message, Place at, int depth) {
  if (message.well_known != WellKnown::kNone) [[unlikely]] {
    return WellKnownType(message, at, depth);
  }
  return Object(message, at, depth, /*in_any=*/false);
}

WireWriter::Place WireWriter::Object(const MessageTable& message, Place at, int depth, bool in_any) {
  if (*at.in != '{') [[unlikely]] {
    return {Expected(at.in, "an object"), nullptr};
  }
  if (depth <= 0) [[unlikely]] {
    Fail("nested too deeply");
    return Failed();
  }
  if (message.simple) [[likely]] {
    return Members<NarrowSlots>(message, at, depth - 1, in_any);
  }
  return Members<WideSlots>(message, at, depth - 1, in_any);
}

template <typename Slots>
WireWriter::Place WireWriter::Members(const MessageTable& message, Place at, int depth, bool in_any) {
  Slots slots(message.fields.size());
  Slots oneofs(message.oneof_count);
  bool type_seen = false;
  const FieldTable* expected = message.fields.data();
  const FieldTable* const fields_end = expected + message.fields.size();
  const char* p = SkipSpace(at.in + 1);
  char* out = at.out;
  if (*p == '}') return {p + 1, out};
  for (;;) {
    if (*p != '"') [[unlikely]] {
      return {Syntax(p, "a name in quotes is expected"), nullptr};
    }
    const FieldTable* field = expected;
    std::string_view name;
    const char* const name_at = p + 1;
    if (field != fields_end && StartsWith(name_at, end_, field->match)) [[likely]] {
      p = name_at + field->match.size;
    } else {
      p = FindMember(message, name_at, &field, &name);
      if (p == nullptr) return Failed();
    }
    p = Colon(p);
    if (p == nullptr) return Failed();
    if (field == nullptr) [[unlikely]] {
      if (in_any && name == "@type") {
        if (type_seen) return {Fail("\"@type\" is given twice"), nullptr};
        type_seen = true;
        p = Skip(p, depth);
      } else {
        p = UnknownMember(message, name, p, depth);
      }
      if (p == nullptr) return Failed();
    } else {
      expected = field + 1;
      if (!slots.Take(field->slot)) [[unlikely]] {
        Fail("given twice");
        return {Within(field->json_name), nullptr};
      }
      Place next;
      if (*p == 'n' && !TakesNull(*field)) [[unlikely]] {
        next = Null(*field, {p, out});
      } else {
        if (field->oneof >= 0 && !oneofs.Take(static_cast<size_t>(field->oneof))) [[unlikely]] {
          Fail(absl::StrCat("another member of the oneof ", message.oneofs[static_cast<size_t>(field->oneof)],
                            " is given too"));
          return {Within(field->json_name), nullptr};
        }
        next = Field(*field, {p, out}, depth);
      }
      if (next.in == nullptr) [[unlikely]] {
        return {Within(field->json_name), nullptr};
      }
      p = next.in;
      out = next.out;
    }
    p = NextMember(p, '}');
    if (p == nullptr) [[unlikely]] {
      return Failed();
    }
    if (*p == '}') return {p + 1, out};
  }
}

const char* WireWriter::FindMember(const MessageTable& message, const char* p, const FieldTable** field,
                                   std::string_view* name) {
  p = Text(p, name);
  if (p != nullptr) *field = message.ByName(*name);
  return p;
}

const char* WireWriter::UnknownMember(const MessageTable& message, std::string_view name, const char* p, int depth) {
  if (ignore_unknown_) return Skip(p, depth);
  Fail(absl::StrCat("no such field in ", message.full_name));
  return Within(name);
}

bool WireWriter::TakesNull(const FieldTable& field) {
  if (field.shape != Shape::kSingular) return false;
  if (field.kind == Kind::kEnum) return field.enumeration->null_value;
  return field.kind == Kind::kMessage && field.message->well_known == WellKnown::kValue;
}

// null means absent, for every field that has no null among its values.
WireWriter::Place WireWriter::Null(const FieldTable&, Place at) { return {Literal(at.in, "null"), at.out}; }

WireWriter::Place WireWriter::Field(const FieldTable& field, Place at, int depth) {
  if (field.shape == Shape::kSingular) [[likely]] {
    if (field.kind < Kind::kString) return Singular(field, at);
    int length_size = 1;
    return Delimited(field, at, depth, &length_size);
  }
  return field.shape == Shape::kMap ? Map(field, at, depth) : Repeated(field, at, depth);
}

WireWriter::Place WireWriter::Singular(const FieldTable& field, Place at) {
  uint64_t bits;
  const char* const p = Bits(field, at.in, &bits);
  if (p == nullptr) [[unlikely]] {
    return Failed();
  }
  if (ignored_) [[unlikely]] {
    ignored_ = false;
    return {p, at.out};
  }
  if (bits == 0 && field.skips_zero) return {p, at.out};
  return {p, WriteBits(field.wire_type, bits, WriteTag(field, Room(at.out, kRoom)))};
}

// A string, bytes, message or group, with its tag. *length_size guesses the size of the length and then reports it.
WireWriter::Place WireWriter::Delimited(const FieldTable& field, Place at, int depth, int* length_size) {
  if (field.kind == Kind::kString) return Text(field, at);
  if (field.kind == Kind::kBytes) return Bytes(field, at);
  char* out = WriteTag(field, Room(at.out, kRoom));
  if (field.kind == Kind::kGroup) {
    Place done = Message(*field.message, {at.in, out}, depth);
    if (done.in == nullptr) return Failed();
    done.out = WriteVarint(Room(done.out, kRoom), field.number << 3 | kEndGroup);
    return done;
  }
  const Hole hole = OpenHole(&out, *length_size);
  const Place done = Message(*field.message, {at.in, out}, depth);
  if (done.in == nullptr) [[unlikely]] {
    return Failed();
  }
  return {done.in, CloseHole(hole, done.out, length_size)};
}

WireWriter::Place WireWriter::Repeated(const FieldTable& field, Place at, int depth) {
  if (*at.in != '[') return {Expected(at.in, "an array"), nullptr};
  const char* p = SkipSpace(at.in + 1);
  char* out = at.out;
  if (*p == ']') return {p + 1, out};
  if (field.packed) return PackedElements(field, {p, out});
  const bool null_is_a_value = field.kind == Kind::kMessage && field.message->well_known == WellKnown::kValue;
  int length_size = 1;
  for (size_t index = 0;; ++index) {
    if (*p == 'n' && field.kind != Kind::kEnum && !null_is_a_value) {
      Fail("null is no element");
      return {Within(index), nullptr};
    }
    Place next;
    if (field.kind >= Kind::kString) {
      next = Delimited(field, {p, out}, depth, &length_size);
    } else {
      uint64_t bits;
      next.in = Bits(field, p, &bits);
      next.out = out;
      if (next.in != nullptr && !ignored_) {
        next.out = WriteBits(field.wire_type, bits, WriteTag(field, Room(out, kRoom)));
      }
      ignored_ = false;
    }
    if (next.in == nullptr) [[unlikely]] {
      return {Within(index), nullptr};
    }
    out = next.out;
    p = NextMember(next.in, ']');
    if (p == nullptr) return Failed();
    if (*p == ']') return {p + 1, out};
  }
}

WireWriter::Place WireWriter::PackedElements(const FieldTable& field, Place at) {
  const char* p = at.in;
  char* out = WriteTag(field, Room(at.out, kRoom));
  const Hole hole = OpenHole(&out, 1);
  for (size_t index = 0;; ++index) {
    uint64_t bits;
    p = Bits(field, p, &bits);
    if (p == nullptr) [[unlikely]] {
      return {Within(index), nullptr};
    }
    if (!ignored_) [[likely]] {
      out = WriteBits(field.wire_type, bits, Room(out, kRoom));
    }
    ignored_ = false;
    p = NextMember(p, ']');
    if (p == nullptr) return Failed();
    if (*p == ']') break;
  }
  return {p + 1, CloseHole(hole, out)};
}

WireWriter::Place WireWriter::Text(const FieldTable& field, Place at) {
  if (*at.in != '"') return {Expected(at.in, "a string"), nullptr};
  const char* const text = at.in + 1;
  bool escaped = false;
  const char* const quote = FindQuote(text, &escaped);
  if (quote == nullptr) [[unlikely]] {
    return Failed();
  }
  const auto size = static_cast<size_t>(quote - text);
  if (escaped) [[unlikely]] {
    return EscapedText(field, text, quote, at.out);
  }
  if (size == 0 && field.skips_zero) return {quote + 1, at.out};
  char* out = WriteVarint(WriteTag(field, Room(at.out, size + kRoom)), size);
  if (size <= 16 && end_ - text >= 16) [[likely]] {
    std::memcpy(out, text, 16);
  } else {
    std::memcpy(out, text, size);
  }
  return {quote + 1, out + size};
}

WireWriter::Place WireWriter::EscapedText(const FieldTable& field, const char* p, const char* end, char* out) {
  out = WriteTag(field, Room(out, static_cast<size_t>(end - p) + kRoom));
  // The text only shrinks by decoding, so the guess is at most too large.
  const Hole hole = OpenHole(&out, VarintSize(static_cast<size_t>(end - p)));
  out = Unescape(p, end, Room(out, static_cast<size_t>(end - p) + kRoom));
  if (out == nullptr) return Failed();
  return {end + 1, CloseHole(hole, out)};
}

WireWriter::Place WireWriter::Bytes(const FieldTable& field, Place at) {
  if (*at.in != '"') return {Expected(at.in, "a base64 string"), nullptr};
  std::string_view text;
  const char* const p = Text(at.in + 1, &text);
  if (p == nullptr) return Failed();
  if (text.empty() && field.skips_zero) return {p, at.out};
  const size_t room = text.size() / 4 * 3 + 3;
  char* out = WriteTag(field, Room(at.out, room + 2 * kRoom));
  const Hole hole = OpenHole(&out, VarintSize(room));
  out = ReadBase64(Room(out, room + kRoom), text);
  if (out == nullptr) return {Fail("not base64"), nullptr};
  return {p, CloseHole(hole, out)};
}

const char* WireWriter::Bits(const FieldTable& field, const char* p, uint64_t* bits) {
  switch (field.kind) {
    case Kind::kDouble:
    case Kind::kFloat: return FloatingBits(field, p, bits);
    case Kind::kEnum: return EnumBits(field, p, bits);
    case Kind::kBool:
      *bits = *p == 't';
      if (*p == 't') return Literal(p, "true");
      if (*p == 'f') return Literal(p, "false");
      return Expected(p, "true or false");
    default: return WholeBits(field, p, bits);
  }
}

const char* WireWriter::WholeBits(const FieldTable& field, const char* p, uint64_t* bits) {
  // Plain digits first; what does not end there takes the general way.
  const bool negative = *p == '-';
  const char* const first = p + negative;
  const char* q = first;
  uint64_t magnitude = 0;
  while (static_cast<uint8_t>(*q - '0') <= 9) magnitude = magnitude * 10 + static_cast<uint8_t>(*q++ - '0');
  const auto digits = q - first;
  Reason reason;
  if (digits > 0 && digits <= 18 && *q != '.' && (*q | 0x20) != 'e' && (*first != '0' || digits == 1)) [[likely]] {
    reason = WholeToBits(field.kind, negative, magnitude, bits);
    p = q;
  } else if (*p == '"') {
    std::string_view text;
    p = Text(p + 1, &text);
    if (p == nullptr) return nullptr;
    reason = TextToBits(field, text, bits);
  } else {
    const char* const number_end = ScanNumber(p, end_);
    if (number_end == nullptr) return Expected(p, "a number");
    reason = TextToBits(field, {p, static_cast<size_t>(number_end - p)}, bits);
    p = number_end;
  }
  return reason == nullptr ? p : Fail(reason);
}

const char* WireWriter::FloatingBits(const FieldTable& field, const char* p, uint64_t* bits) {
  if (field.kind == Kind::kDouble) [[likely]] {
    double value;
    if (const char* const q = ParseShortDouble(p, &value); q != nullptr) [[likely]] {
      std::memcpy(bits, &value, sizeof value);
      return q;
    }
  }
  std::string_view text;
  if (*p == '"') {
    p = Text(p + 1, &text);
    if (p == nullptr) return nullptr;
  } else {
    const char* const number_end = ScanNumber(p, end_);
    if (number_end == nullptr) return Expected(p, "a number");
    text = {p, static_cast<size_t>(number_end - p)};
    p = number_end;
  }
  const Reason reason = TextToFloating(field.kind, text, bits);
  return reason == nullptr ? p : Fail(reason);
}

const char* WireWriter::EnumBits(const FieldTable& field, const char* p, uint64_t* bits) {
  const EnumTable& enumeration = *field.enumeration;
  if (*p == '"') {
    std::string_view name;
    p = Text(p + 1, &name);
    if (p == nullptr || EnumByName(enumeration, name, bits)) return p;
    if (TextToBits(field, name, bits) == nullptr) return p;
    if (ignore_unknown_) {
      *bits = 0;
      ignored_ = true;
      return p;
    }
    return Fail(absl::StrCat("\"", core::ToAbsl(name), "\" is not a value of ", enumeration.full_name));
  }
  if (*p == 'n' && enumeration.null_value) {
    *bits = 0;
    return Literal(p, "null");
  }
  p = WholeBits(field, p, bits);
  if (p != nullptr && !EnumTakes(enumeration, *bits)) {
    return Fail(absl::StrCat("not a value of ", enumeration.full_name));
  }
  return p;
}

std::nullptr_t WireWriter::Fail(std::string_view reason) {
  reason_ = reason;
  return nullptr;
}

std::nullptr_t WireWriter::Expected(const char* p, std::string_view what) {
  const bool value = (*p >= '0' && *p <= '9') || (*p != '\0' && std::strchr("\"{[-tfn", *p) != nullptr);
  if (!value) return Syntax(p, absl::StrCat(core::ToAbsl(what), " is expected"));
  return Fail(absl::StrCat(core::ToAbsl(what), " is expected"));
}

std::nullptr_t WireWriter::Syntax(const char* p, std::string_view reason) {
  const std::string_view before(begin_, static_cast<size_t>(p - begin_));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t newline = before.rfind('\n');
  const size_t column = newline == std::string_view::npos ? before.size() + 1 : before.size() - newline;
  reason_ = absl::StrCat("malformed JSON at line ", line, ", column ", column, ": ", core::ToAbsl(reason));
  return nullptr;
}

std::nullptr_t WireWriter::Within(std::string_view name) {
  const bool bracket = path_.empty() || path_.front() == '[';
  path_ = absl::StrCat(core::ToAbsl(name), bracket ? "" : ".", path_);
  return nullptr;
}

std::nullptr_t WireWriter::Within(size_t index) { return Within(absl::StrCat("[", index, "]")); }

absl::Status WireWriter::status() const { return core::InvalidField(path_, reason_); }

}  // namespace stratus::gateway::transcode
