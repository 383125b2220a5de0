// Wire format to ProtoJSON, one pass over the input.
//
// The usual message (each singular field once, each repeated field in one run) is written as it is read; fields may
// come in any order. A message that breaks this (a field again after others, two members of a oneof) is written anew
// from a list of its fields. Work stays linear in the input: once too many bytes were read twice, the whole starts over
// in careful mode, where every message takes the second way at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gateway/transcode/buffer.h"
#include "gateway/transcode/number_text.h"
#include "gateway/transcode/tables.h"
#include "gateway/transcode/time_text.h"
#include "gateway/transcode/transcode.h"

namespace stratus::gateway::transcode {

class JsonWriter {
 public:
  JsonWriter(const OutputOptions& options, Buffer* buffer, bool careful)
      : buffer_(buffer),
        names_(options.preserve_proto_field_names ? 1 : 0),
        print_absent_(options.always_print_fields_with_no_presence),
        enums_as_integers_(options.enums_as_integers),
        careful_(careful),
        depth_max_(options.depth_max),
        bytes_max_(options.bytes_max) {}

  // Each returns false on an error, or when it must be run again in careful mode.
  bool Run(const MessageTable& message, std::string_view wire);
  bool RunField(const MessageTable& message, const FieldTable& field, std::string_view wire);

  bool wants_careful() const { return wants_careful_; }
  absl::Status status() const;

 private:
  // A value whose tag was read: its content is [begin, end).
  struct Occurrence {
    const FieldTable* field;
    uint32_t wire_type;
    const char* begin;
    const char* end;
  };
  using Occurrences = absl::InlinedVector<Occurrence, 24>;
  struct Range {
    const char* begin;
    const char* end;
  };
  using Ranges = absl::InlinedVector<Range, 16>;
  struct Place {
    const char* in;
    char* out;
  };
  struct MapEntry;

  // Writers take the place to write at and return the end of what they wrote, or null after Fail(). Scalars may rely on
  // kRoom bytes that their caller made room for.
  static constexpr size_t kRoom = 2 * kNumberSizeMax;

  char* Room(char* out, size_t bytes) {
    if (static_cast<size_t>(limit_ - out) >= bytes) [[likely]]
      return out;
    return Grow(out, bytes);
  }
  char* Grow(char* out, size_t bytes);
  size_t Offset(const char* out) const { return static_cast<size_t>(out - buffer_->data()); }
  char* At(size_t offset) { return buffer_->data() + offset; }

  // Room for the key and a scalar, and the key, with its leading comma.
  char* Key(char* out, const FieldTable& field) {
    const Text& key = field.key[names_];
    return CopyText(Room(out, key.size + kRoom), key);
  }

  char* Message(const MessageTable& message, Range wire, char* out, int depth);
  char* Object(const MessageTable& message, Range wire, char* out, int depth);
  char* Fields(const MessageTable& message, Range wire, char* out, int depth);
  char* FieldsListed(const MessageTable& message, Range wire, char* out, int depth);
  char* FieldsAgain(const MessageTable& message, Range wire, size_t start, int depth);
  char* Absent(const MessageTable& message, SlotSet slots, char* out);
  char* AbsentField(const FieldTable& field, char* out);

  bool List(const MessageTable& message, Range wire, int depth, Occurrences* found);
  static void DropOverruled(const MessageTable& message, Occurrences* found);
  char* Listed(const FieldTable& field, absl::Span<const Occurrence> all, char* out, int depth);
  bool ReadOccurrence(const FieldTable& field, uint32_t tag, const char* p, const char* end, int depth,
                      Occurrence* found);
  char* MergedMessage(const FieldTable& field, absl::Span<const Occurrence> all, char* out, int depth);

  // Whether a value of this wire type is one of the field; all else is an unknown field.
  static bool Fits(const FieldTable& field, uint32_t wire_type) {
    return wire_type == field.wire_type || (field.packable && wire_type == kLength);
  }
  // A zero that a field without presence would not show, or a closed enum's unknown number.
  bool Hidden(const FieldTable& field, uint64_t bits) const;
  static bool UnknownInClosedEnum(const FieldTable& field, uint64_t bits);

  Place Singular(const FieldTable& field, const char* p, const char* end, char* out, int depth, bool* written);
  Place Repeated(const FieldTable& field, uint32_t wire_type, const char* p, const char* end, char* out, int depth);
  Place Map(const FieldTable& field, const char* p, const char* end, char* out, int depth);
  Place Element(const FieldTable& field, uint32_t wire_type, const char* p, const char* end, char* out, int depth);
  char* Packed(const FieldTable& field, Range range, char* out);

  char* MapEntries(const FieldTable& field, absl::Span<const Range> entries, char* out, int depth);
  bool ReadMapEntry(const FieldTable& field, Range range, int depth, MapEntry* entry);
  static void DropRepeatedKeys(absl::Span<MapEntry> entries);
  char* MapKey(const FieldTable& key, const MapEntry& entry, char* out);
  char* MapValue(const FieldTable& value, const MapEntry& entry, char* out, int depth);

  char* Scalar(const FieldTable& field, uint64_t bits, char* out);
  char* Enum(const EnumTable& enumeration, int32_t number, char* out);
  char* String(std::string_view text, char* out);
  char* Bytes(std::string_view bytes, char* out);
  char* TextOrBytes(const FieldTable& field, std::string_view value, char* out) {
    return field.kind == Kind::kString ? String(value, out) : Bytes(value, out);
  }

  char* WellKnownType(const MessageTable& message, Range wire, char* out, int depth);
  char* Time(const MessageTable& message, Range wire, char* out);
  char* FieldMask(const MessageTable& message, Range wire, char* out);
  char* MaskPath(std::string_view path, char* out);
  char* Struct(const MessageTable& message, Range wire, char* out, int depth);
  char* ListValue(const MessageTable& message, Range wire, char* out, int depth);
  char* Value(const MessageTable& message, Range wire, char* out, int depth);
  char* Wrapper(const MessageTable& message, Range wire, char* out);
  char* Any(const MessageTable& message, Range wire, char* out, int depth);

  // Errors. Frames on the way out add the part of the path that they know.
  std::nullptr_t Fail(std::string_view reason);
  std::nullptr_t Malformed() { return Fail("malformed wire format"); }
  std::nullptr_t Within(std::string_view name);
  std::nullptr_t Within(const FieldTable& field) { return Within(std::string_view(field.json_name)); }
  std::nullptr_t Within(const FieldTable& field, size_t index);

  Buffer* const buffer_;
  char* limit_ = nullptr;  // the buffer's capacity, before its slack
  const char* readable_end_ = nullptr;
  const int names_;
  const bool print_absent_;
  const bool enums_as_integers_;
  const bool careful_;
  const int depth_max_;
  const size_t bytes_max_;  // of the buffer
  bool wants_careful_ = false;
  size_t bytes_again_max_ = 0;
  size_t bytes_again_ = 0;
  TimestampFormatter timestamps_;
  std::string reason_;
  std::string path_;
};

}  // namespace stratus::gateway::transcode
