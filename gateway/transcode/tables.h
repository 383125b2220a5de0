// What descriptors are compiled to: flat tables that hold, for each field, what both directions need, as ready text and
// ready tags. Built by schema.cc, read-only afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/transcode/name_index.h"
#include "gateway/transcode/wire.h"

namespace stratus::gateway::transcode {

enum class Kind : uint8_t {
  kDouble,
  kFloat,
  kInt32,
  kInt64,
  kUint32,
  kUint64,
  kSint32,
  kSint64,
  kFixed32,
  kFixed64,
  kSfixed32,
  kSfixed64,
  kBool,
  kEnum,
  kString,
  kBytes,
  kMessage,
  kGroup,
};

enum class Shape : uint8_t { kSingular, kRepeated, kMap };

// Types whose JSON is not an object of their fields.
enum class WellKnown : uint8_t {
  kNone,
  kTimestamp,
  kDuration,
  kFieldMask,
  kStruct,
  kValue,
  kListValue,
  kAny,
  kWrapper,
};

// Text that is copied in blocks of kTextBlock bytes: readable that far, and a multiple of it, past its start.
inline constexpr size_t kTextBlock = 32;
struct Text {
  const char* data = nullptr;
  uint32_t size = 0;
  std::string_view view() const { return {data, size}; }
};

// Copies with at least one unconditional block; writes up to kTextBlock - 1 bytes past the end.
inline char* CopyText(char* out, const Text& text) {
  std::memcpy(out, text.data, kTextBlock);
  if (text.size > kTextBlock) [[unlikely]] {
    std::memcpy(out + kTextBlock, text.data + kTextBlock, text.size - kTextBlock);
  }
  return out + text.size;
}

struct EnumTable {
  std::string full_name;
  bool closed = false;      // proto2: a number without a name is an unknown field
  bool null_value = false;  // google.protobuf.NullValue, JSON null
  int32_t first_number = 0;
  // Quoted names; dense from dense_base, the rest sorted by number.
  int32_t dense_base = 0;
  std::vector<Text> dense;
  std::vector<std::pair<int32_t, Text>> sparse;
  NameIndex names;  // to the position in numbers
  std::vector<int32_t> numbers;

  // The quoted name, or null.
  const Text* Name(int32_t number) const {
    const uint64_t at = static_cast<uint64_t>(static_cast<int64_t>(number) - dense_base);
    if (at < dense.size()) [[likely]] {
      return dense[at].data != nullptr ? &dense[at] : nullptr;
    }
    return SparseName(number);
  }
  const Text* SparseName(int32_t number) const;
};

struct MessageTable;

struct FieldTable {
  Kind kind = Kind::kInt32;
  Shape shape = Shape::kSingular;
  bool no_presence = false;  // an absent one reads as its default: repeated, map, proto3 scalars
  bool skips_zero = false;   // a zero is not written: singular, without presence, not inside a map's entry
  bool packable = false;     // repeated, and a scalar of fixed or varint form
  bool packed = false;       // how we write it
  uint8_t wire_type = 0;     // of one element
  uint8_t tag_size = 0;
  int16_t oneof = -1;  // a real oneof of the message
  uint16_t slot = 0;   // in MessageTable::fields
  uint32_t number = 0;
  uint64_t tag_bytes = 0;  // as written for JSON -> wire (packed form when packed), little endian
  Text key[2];             // `,"name":` by JSON name, by proto name
  Text match;              // `name"` by JSON name: what is compared with JSON input
  Text absent;             // the default's JSON
  const MessageTable* message = nullptr;
  const EnumTable* enumeration = nullptr;
  std::string json_name;
  std::string proto_name;

  uint32_t tag() const { return number << 3 | wire_type; }
  bool is_message() const { return kind >= Kind::kMessage; }
};

// The first fields by number; what fields with 64 and more fields need is kept in words.
using SlotSet = uint64_t;
inline constexpr size_t kSlotsPerWord = 64;

struct MessageTable {
  std::string full_name;
  WellKnown well_known = WellKnown::kNone;
  bool empty_type = false;  // google.protobuf.Empty
  bool simple = true;       // at most 64 fields and 64 oneofs: the fast paths' bit sets suffice
  uint16_t oneof_count = 0;
  SlotSet no_presence = 0;          // of a simple table
  std::vector<FieldTable> fields;   // by number
  std::vector<uint16_t> dense;      // number -> slot + 1, 0 for none
  std::vector<std::string> oneofs;  // names
  NameIndex names;                  // JSON and proto names -> slot
  const class TypeResolver* types = nullptr;

  const FieldTable* ByNumber(uint32_t number) const {
    if (number < dense.size()) [[likely]] {
      const uint32_t at = dense[number];
      return at == 0 ? nullptr : &fields[at - 1];
    }
    return SparseField(number);
  }
  const FieldTable* ByName(std::string_view name) const {
    const uint32_t slot = names.Find(name);
    return slot == NameIndex::kNone ? nullptr : &fields[slot];
  }
  const FieldTable& map_key() const { return fields[0]; }
  const FieldTable& map_value() const { return fields[1]; }

 private:
  const FieldTable* SparseField(uint32_t number) const;
};

// Finds the type of an Any.
class TypeResolver {
 public:
  virtual ~TypeResolver() = default;
  virtual const MessageTable* Find(std::string_view full_name) const = 0;

  // By what follows the last slash of a type URL; null for an unknown type or an URL without a slash.
  const MessageTable* FindByUrl(std::string_view url) const {
    const size_t slash = url.rfind('/');
    return slash == std::string_view::npos ? nullptr : Find(url.substr(slash + 1));
  }
};

}  // namespace stratus::gateway::transcode
