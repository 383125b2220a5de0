// Map fields and Struct: an entry a member, no key twice.
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gateway/transcode/wire_writer.h"
#include "lib/core/status.h"

namespace stratus::gateway::transcode {

WireWriter::Place WireWriter::Map(const FieldTable& field, Place at, int depth) {
  if (*at.in != '{') return {Expected(at.in, "an object"), nullptr};
  Place here{SkipSpace(at.in + 1), at.out};
  if (*here.in == '}') return {here.in + 1, here.out};
  KeyList keys;
  // Beyond a few entries, keys are looked up by hash. They are copied: the buffer moves as it grows.
  absl::flat_hash_set<std::string> many;
  constexpr size_t kFewKeys = 16;
  int length_size = 1;
  for (;;) {
    if (*here.in != '"') return {Syntax(here.in, "a name in quotes is expected"), nullptr};
    const char* const name = here.in + 1;
    KeyBytes key;
    here = MapEntry(field, here, depth, &key, &length_size);
    if (here.in == nullptr) return {WithinKey(name), nullptr};
    if (key.size > 0) {
      bool fresh = true;
      if (keys.size() < kFewKeys) {
        for (const KeyBytes& other : keys) fresh = fresh && KeyText(other) != KeyText(key);
        keys.push_back(key);
      } else {
        if (many.empty()) {
          for (const KeyBytes& other : keys) many.emplace(KeyText(other));
        }
        fresh = many.emplace(KeyText(key)).second;
      }
      if (!fresh) {
        Fail("given twice");
        return {WithinKey(name), nullptr};
      }
    }
    here.in = NextMember(here.in, '}');
    if (here.in == nullptr) return Failed();
    if (*here.in == '}') return {here.in + 1, here.out};
  }
}

WireWriter::Place WireWriter::MapEntry(const FieldTable& field, Place at, int depth, KeyBytes* key, int* length_size) {
  const FieldTable& value = field.message->map_value();
  const size_t start = Offset(at.out);
  char* out = WriteTag(field, Room(at.out, kRoom));
  const Hole hole = OpenHole(&out, *length_size);
  Place here = MapKey(field.message->map_key(), {at.in + 1, out});
  if (here.in == nullptr) return Failed();
  const size_t content = hole.offset + static_cast<size_t>(hole.size);
  key->size = Offset(here.out) - content;
  here.in = Colon(here.in);
  if (here.in == nullptr) return Failed();
  if (value.kind >= Kind::kString) {
    if (*here.in == 'n' && !TakesNull(value)) return {Fail("null is no value of a map"), nullptr};
    int value_length_size = 1;
    here = Delimited(value, here, depth, &value_length_size);
  } else {
    uint64_t bits;
    here.in = Bits(value, here.in, &bits);
    if (here.in != nullptr && ignored_) {
      // A name that the enum does not have, to be ignored: so is the entry.
      ignored_ = false;
      *key = {0, 0};
      return {here.in, At(start)};
    }
    if (here.in != nullptr) here.out = WriteBits(value.wire_type, bits, WriteTag(value, Room(here.out, kRoom)));
  }
  if (here.in == nullptr) return Failed();
  here.out = CloseHole(hole, here.out, length_size);
  key->offset = hole.offset + static_cast<size_t>(*length_size);
  return here;
}

// `at.in` is behind the opening quote. Keys and values are written even when they are defaults, as Protobuf does.
WireWriter::Place WireWriter::MapKey(const FieldTable& key, Place at) {
  std::string_view text;
  const char* const p = Text(at.in, &text);
  if (p == nullptr) return Failed();
  char* out = WriteTag(key, Room(at.out, text.size() + kRoom));
  if (key.kind == Kind::kString) {
    out = WriteVarint(out, text.size());
    std::memcpy(out, text.data(), text.size());
    return {p, out + text.size()};
  }
  uint64_t bits;
  if (const Reason reason = TextToBits(key, text, &bits); reason != nullptr) {
    return {Fail(absl::StrCat("the key of a map is ", reason)), nullptr};
  }
  return {p, WriteBits(key.wire_type, bits, out)};
}

std::nullptr_t WireWriter::WithinKey(const char* name) {
  const std::string reason = reason_;
  std::string_view text;
  if (Text(name, &text) == nullptr) {
    reason_ = reason;
    return nullptr;
  }
  return Within(absl::StrCat("[\"", core::ToAbsl(text), "\"]"));
}

}  // namespace stratus::gateway::transcode
