#include "gateway/transcode/json_writer.h"

#include <bit>

#include "absl/strings/str_cat.h"
#include "gateway/transcode/base64.h"
#include "gateway/transcode/json_text.h"
#include "gateway/transcode/wire.h"
#include "lib/core/status.h"

namespace stratus::gateway::transcode {

bool JsonWriter::Run(const MessageTable& message, std::string_view wire) {
  bytes_again_max_ = 2 * wire.size();
  readable_end_ = wire.data() + wire.size();
  char* out = Grow(buffer_->end(), kRoom);
  out = Message(message, {wire.data(), wire.data() + wire.size()}, out, depth_max_);
  if (out == nullptr) return false;
  buffer_->SetEnd(out);
  return true;
}

bool JsonWriter::RunField(const MessageTable& message, const FieldTable& field, std::string_view wire) {
  bytes_again_max_ = 2 * wire.size();
  readable_end_ = wire.data() + wire.size();
  char* out = Grow(buffer_->end(), kRoom);
  Occurrences found;
  if (!List(message, {wire.data(), wire.data() + wire.size()}, depth_max_, &found)) return false;
  DropOverruled(message, &found);
  Occurrences mine;
  for (const Occurrence& occurrence : found) {
    if (occurrence.field == &field) mine.push_back(occurrence);
  }
  if (mine.empty()) {
    if (field.no_presence) {
      out = CopyText(out, field.absent);
    } else {
      std::memcpy(out, "null", 4);
      out += 4;
    }
  } else {
    out = Listed(field, mine, out, depth_max_ - 1);
  }
  if (out == nullptr) return false;
  buffer_->SetEnd(out);
  return true;
}

char* JsonWriter::Grow(char* out, size_t bytes) {
  buffer_->SetEnd(out);
  out = buffer_->Reserve(bytes);
  limit_ = buffer_->data() + buffer_->capacity();
  return out;
}

char* JsonWriter::Message(const MessageTable& message, Range wire, char* out, int depth) {
  if (message.well_known != WellKnown::kNone) [[unlikely]] {
    return WellKnownType(message, wire, out, depth);
  }
  return Object(message, wire, out, depth);
}

char* JsonWriter::Object(const MessageTable& message, Range wire, char* out, int depth) {
  if (depth <= 0) [[unlikely]] {
    return Fail("nested too deeply");
  }
  const size_t start = Offset(out);
  if (start > bytes_max_) [[unlikely]] {
    return Fail(absl::StrCat("the JSON becomes longer than ", bytes_max_, " bytes"));
  }
  out = Fields(message, wire, out, depth - 1);
  if (out == nullptr) [[unlikely]] {
    return nullptr;
  }
  out = Room(out, 2);
  if (Offset(out) == start) {
    *out++ = '{';
  } else {
    *At(start) = '{';
  }
  *out++ = '}';
  return out;
}

char* JsonWriter::Fields(const MessageTable& message, Range wire, char* out, int depth) {
  if (careful_ || !message.simple) [[unlikely]] {
    return FieldsListed(message, wire, out, depth);
  }
  const size_t start = Offset(out);
  SlotSet written = 0;
  SlotSet oneofs = 0;
  const SlotSet defaults = print_absent_ ? message.no_presence : 0;
  const char* p = wire.begin;
  while (p < wire.end) {
    uint32_t tag;
    p = ReadTag(p, wire.end, &tag);
    if (p == nullptr) [[unlikely]] {
      return Malformed();
    }
    const FieldTable* const field = message.ByNumber(tag >> 3);
    if (field == nullptr || !Fits(*field, tag & 7)) [[unlikely]] {
      p = SkipValue(tag, p, wire.end, depth);
      if (p == nullptr) return Malformed();
      continue;
    }
    const SlotSet bit = SlotSet{1} << field->slot;
    if ((written & bit) != 0) [[unlikely]] {
      return FieldsAgain(message, wire, start, depth);
    }
    if (field->oneof >= 0) {
      const SlotSet oneof = SlotSet{1} << field->oneof;
      if ((oneofs & oneof) != 0) [[unlikely]] {
        return FieldsAgain(message, wire, start, depth);
      }
      oneofs |= oneof;
    }
    const SlotSet absent = defaults & ~written & (bit - 1);
    if (absent != 0) [[unlikely]] {
      out = Absent(message, absent, out);
      written |= absent;
    }
    written |= bit;

    Place place;
    if (field->shape == Shape::kSingular) [[likely]] {
      bool shown = true;
      place = Singular(*field, p, wire.end, out, depth, &shown);
      // A hidden closed enum value still counts as absent for what is printed, and never as written.
      if (!shown) written &= ~bit;
    } else if (field->shape == Shape::kRepeated) {
      place = Repeated(*field, tag & 7, p, wire.end, out, depth);
    } else {
      place = Map(*field, p, wire.end, out, depth);
    }
    if (place.out == nullptr) [[unlikely]] {
      return nullptr;
    }
    p = place.in;
    out = place.out;
  }
  const SlotSet absent = defaults & ~written;
  return absent == 0 ? out : Absent(message, absent, out);
}

char* JsonWriter::Absent(const MessageTable& message, SlotSet slots, char* out) {
  for (; slots != 0; slots &= slots - 1) {
    out = AbsentField(message.fields[static_cast<size_t>(std::countr_zero(slots))], out);
  }
  return out;
}

char* JsonWriter::AbsentField(const FieldTable& field, char* out) {
  out = Key(out, field);
  if (field.kind == Kind::kEnum && field.shape == Shape::kSingular)
    return Enum(*field.enumeration, 0, Room(out, kRoom));
  return CopyText(out, field.absent);
}

JsonWriter::Place JsonWriter::Singular(const FieldTable& field, const char* p, const char* end, char* out, int depth,
                                       bool* written) {
  uint64_t bits;
  size_t length;
  switch (field.wire_type) {
    case kFixed64:
      if (end - p < 8) [[unlikely]] {
        return {nullptr, Malformed()};
      }
      bits = LoadFixed64(p);
      p += 8;
      if (field.kind == Kind::kDouble && (bits != 0 || print_absent_ || !field.no_presence)) [[likely]] {
        return {p, WriteDouble(Key(out, field), std::bit_cast<double>(bits))};
      }
      break;
    case kFixed32:
      if (end - p < 4) [[unlikely]] {
        return {nullptr, Malformed()};
      }
      bits = LoadFixed32(p);
      p += 4;
      break;
    case kVarint:
      p = ReadVarint(p, end, &bits);
      if (p == nullptr) [[unlikely]] {
        return {nullptr, Malformed()};
      }
      break;
    case kStartGroup: {
      const char* content_end;
      const char* const content = p;
      p = ReadGroup(field.tag(), p, end, depth + 1, &content_end);
      if (p == nullptr) return {nullptr, Malformed()};
      out = Message(*field.message, {content, content_end}, Key(out, field), depth);
      return {p, out != nullptr ? out : Within(field)};
    }
    default:
      p = ReadLength(p, end, &length);
      if (p == nullptr) [[unlikely]] {
        return {nullptr, Malformed()};
      }
      if (field.kind == Kind::kMessage) {
        out = Message(*field.message, {p, p + length}, Key(out, field), depth);
      } else {
        if (length == 0 && field.no_presence && !print_absent_) {
          *written = false;
          return {p, out};
        }
        out = TextOrBytes(field, {p, length}, Key(out, field));
      }
      return {p + length, out != nullptr ? out : Within(field)};
  }
  if (Hidden(field, bits)) [[unlikely]] {
    *written = false;
    return {p, out};
  }
  return {p, Scalar(field, bits, Key(out, field))};
}

bool JsonWriter::UnknownInClosedEnum(const FieldTable& field, uint64_t bits) {
  return field.enumeration->closed && field.enumeration->Name(static_cast<int32_t>(bits)) == nullptr;
}

bool JsonWriter::Hidden(const FieldTable& field, uint64_t bits) const {
  if (field.kind == Kind::kEnum && field.enumeration->closed) return UnknownInClosedEnum(field, bits);
  if (print_absent_ || !field.no_presence) return false;
  const bool narrow = field.kind == Kind::kInt32 || field.kind == Kind::kUint32 || field.kind == Kind::kSint32 ||
                      field.kind == Kind::kEnum;
  return (narrow ? static_cast<uint32_t>(bits) : bits) == 0;
}

JsonWriter::Place JsonWriter::Element(const FieldTable& field, uint32_t wire_type, const char* p, const char* end,
                                      char* out, int depth) {
  if (wire_type == kLength) {
    size_t length;
    p = ReadLength(p, end, &length);
    if (p == nullptr) return {nullptr, Malformed()};
    if (field.kind == Kind::kMessage) {
      out = Message(*field.message, {p, p + length}, Room(out, kRoom), depth);
    } else if (field.packable) {
      return {p + length, Packed(field, {p, p + length}, out)};
    } else {
      out = TextOrBytes(field, {p, length}, out);
    }
    p += length;
  } else if (wire_type == kStartGroup) {
    const char* const content = p;
    const char* content_end;
    p = ReadGroup(field.tag(), p, end, depth + 1, &content_end);
    if (p == nullptr) return {nullptr, Malformed()};
    out = Message(*field.message, {content, content_end}, Room(out, kRoom), depth);
  } else {
    uint64_t bits;
    p = ReadScalar(wire_type, p, end, &bits);
    if (p == nullptr) return {nullptr, Malformed()};
    if (field.kind == Kind::kEnum && UnknownInClosedEnum(field, bits)) return {p, out};
    out = Scalar(field, bits, Room(out, kRoom));
  }
  if (out == nullptr) return {nullptr, nullptr};
  out = Room(out, 1);
  *out++ = ',';
  return {p, out};
}

char* JsonWriter::Packed(const FieldTable& field, Range range, char* out) {
  const char* p = range.begin;
  while (p < range.end) {
    uint64_t bits;
    p = ReadScalar(field.wire_type, p, range.end, &bits);
    if (p == nullptr) [[unlikely]] {
      return Malformed();
    }
    out = Room(out, kRoom);
    if (field.kind == Kind::kDouble) {
      out = WriteDouble(out, std::bit_cast<double>(bits));
    } else {
      if (field.kind == Kind::kEnum && UnknownInClosedEnum(field, bits)) continue;
      out = Scalar(field, bits, out);
    }
    *out++ = ',';
  }
  return out;
}

JsonWriter::Place JsonWriter::Repeated(const FieldTable& field, uint32_t wire_type, const char* p, const char* end,
                                       char* out, int depth) {
  const size_t start = Offset(out);
  if (field.is_message() && depth <= 0) return {nullptr, Fail("nested too deeply")};
  out = Key(out, field);
  *out++ = '[';
  const size_t first = Offset(out);
  for (size_t index = 0;; ++index) {
    const Place place = Element(field, wire_type, p, end, out, depth);
    if (place.out == nullptr) [[unlikely]] {
      return {nullptr, Within(field, index)};
    }
    p = place.in;
    out = place.out;
    if (p == end) break;
    uint32_t tag;
    const char* const next = ReadTag(p, end, &tag);
    if (next == nullptr || tag >> 3 != field.number || !Fits(field, tag & 7)) break;
    wire_type = tag & 7;
    p = next;
  }
  if (Offset(out) != first) {
    out[-1] = ']';
  } else if (print_absent_) {
    *Room(out, 1) = ']';
    out = At(first) + 1;
  } else {
    out = At(start);
  }
  return {p, out};
}

JsonWriter::Place JsonWriter::Map(const FieldTable& field, const char* p, const char* end, char* out, int depth) {
  Ranges entries;
  for (;;) {
    size_t length;
    p = ReadLength(p, end, &length);
    if (p == nullptr) return {nullptr, Malformed()};
    entries.push_back({p, p + length});
    p += length;
    if (p == end) break;
    uint32_t tag;
    const char* const next = ReadTag(p, end, &tag);
    if (next == nullptr || tag != field.tag()) break;
    p = next;
  }
  const size_t start = Offset(out);
  out = MapEntries(field, entries, Key(out, field), depth);
  if (out == nullptr) return {nullptr, Within(field)};
  // Entries of unknown closed enum values may leave nothing to show.
  const bool nothing = out[-2] == '{' && Offset(out) - start == field.key[names_].size + 2;
  return {p, nothing && !print_absent_ ? At(start) : out};
}

char* JsonWriter::Scalar(const FieldTable& field, uint64_t bits, char* out) {
  const auto quoted = [&out](auto write) {
    *out++ = '"';
    out = write(out);
    *out++ = '"';
    return out;
  };
  switch (field.kind) {
    case Kind::kDouble: return WriteDouble(out, std::bit_cast<double>(bits));
    case Kind::kFloat: return WriteFloat(out, std::bit_cast<float>(static_cast<uint32_t>(bits)));
    case Kind::kInt32:
    case Kind::kSfixed32: return WriteInt(out, static_cast<int32_t>(bits));
    case Kind::kUint32:
    case Kind::kFixed32: return WriteUint(out, static_cast<uint32_t>(bits));
    case Kind::kSint32: return WriteInt(out, static_cast<int32_t>(UnZigZag(static_cast<uint32_t>(bits))));
    case Kind::kInt64:
    case Kind::kSfixed64: return quoted([bits](char* at) { return WriteInt(at, static_cast<int64_t>(bits)); });
    case Kind::kUint64:
    case Kind::kFixed64: return quoted([bits](char* at) { return WriteUint(at, bits); });
    case Kind::kSint64: return quoted([bits](char* at) { return WriteInt(at, UnZigZag(bits)); });
    case Kind::kBool: std::memcpy(out, bits != 0 ? "true\0" : "false", 5); return out + (bits != 0 ? 4 : 5);
    case Kind::kEnum: return Enum(*field.enumeration, static_cast<int32_t>(bits), out);
    default: return Malformed();
  }
}

char* JsonWriter::Enum(const EnumTable& enumeration, int32_t number, char* out) {
  if (enumeration.null_value) {
    std::memcpy(out, "null", 4);
    return out + 4;
  }
  const Text* const name = enums_as_integers_ ? nullptr : enumeration.Name(number);
  if (name == nullptr) return WriteInt(out, number);
  return CopyText(Room(out, name->size + kRoom), *name);
}

char* JsonWriter::String(std::string_view text, char* out) {
  // Long texts go in portions, so that room for the worst case is never taken for all of them.
  constexpr size_t kPortion = 4096;
  const char* p = text.data();
  size_t left = text.size();
  out = Room(out, 2);
  *out++ = '"';
  while (left > 0) {
    size_t portion = left;
    if (portion > kPortion) {
      portion = kPortion;
      // Never cut a UTF-8 sequence: back to a byte that starts one.
      while (portion > kPortion - 4 && (p[portion] & 0xc0) == 0x80) --portion;
    }
    out = EscapeText(Room(out, portion * kEscapedSizeMax + 32), p, portion, readable_end_);
    if (out == nullptr) [[unlikely]] {
      return Fail("not UTF-8");
    }
    p += portion;
    left -= portion;
  }
  *out++ = '"';
  return Room(out, kRoom);
}

char* JsonWriter::Bytes(std::string_view bytes, char* out) {
  out = Room(out, Base64Size(bytes.size()) + kRoom);
  *out++ = '"';
  out = WriteBase64(out, bytes);
  *out++ = '"';
  return out;
}

std::nullptr_t JsonWriter::Fail(std::string_view reason) {
  reason_ = reason;
  return nullptr;
}

std::nullptr_t JsonWriter::Within(std::string_view name) {
  if (wants_careful_) return nullptr;
  const bool bracket = path_.empty() || path_.front() == '[';
  path_ = absl::StrCat(core::ToAbsl(name), bracket ? "" : ".", path_);
  return nullptr;
}

std::nullptr_t JsonWriter::Within(const FieldTable& field, size_t index) {
  Within(absl::StrCat("[", index, "]"));
  return Within(field);
}

absl::Status JsonWriter::status() const {
  return absl::InternalError(
      absl::StrCat("reply cannot be written as JSON: ", path_, path_.empty() ? "" : ": ", reason_));
}

}  // namespace stratus::gateway::transcode
