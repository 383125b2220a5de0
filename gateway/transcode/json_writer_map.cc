// Map fields: entries of one key and one value, where the last entry of a key wins.
#include <bit>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gateway/transcode/json_text.h"
#include "gateway/transcode/json_writer.h"
#include "gateway/transcode/wire.h"
#include "lib/core/status.h"

namespace stratus::gateway::transcode {

struct JsonWriter::MapEntry {
  uint64_t key_bits = 0;
  std::string_view key_text;
  Occurrence value{};  // the last one; without a field when the entry has none
  Range whole{};       // for a message value in several parts
  bool value_in_parts = false;
  bool dropped = false;
};

char* JsonWriter::MapEntries(const FieldTable& field, absl::Span<const Range> ranges, char* out, int depth) {
  absl::InlinedVector<MapEntry, 16> entries(ranges.size());
  for (size_t i = 0; i < ranges.size(); ++i) {
    if (!ReadMapEntry(field, ranges[i], depth, &entries[i])) return nullptr;
  }
  DropRepeatedKeys(absl::MakeSpan(entries));
  const FieldTable& key = field.message->map_key();
  const FieldTable& value = field.message->map_value();
  out = Room(out, kRoom);
  const size_t start = Offset(out);
  for (const MapEntry& entry : entries) {
    if (entry.dropped) continue;
    *(out = Room(out, kRoom))++ = ',';
    out = MapKey(key, entry, out);
    if (out != nullptr) {
      *(out = Room(out, kRoom))++ = ':';
      out = MapValue(value, entry, out, depth);
    }
    if (out == nullptr) {
      return key.kind == Kind::kString ? Within(absl::StrCat("[\"", core::ToAbsl(entry.key_text), "\"]")) : nullptr;
    }
  }
  out = Room(out, kRoom);
  if (Offset(out) == start) {
    *out++ = '{';
  } else {
    *At(start) = '{';
  }
  *out++ = '}';
  return out;
}

bool JsonWriter::ReadMapEntry(const FieldTable& field, Range range, int depth, MapEntry* entry) {
  const FieldTable& key = field.message->map_key();
  const FieldTable& value = field.message->map_value();
  entry->whole = range;
  const char* p = range.begin;
  while (p < range.end) {
    uint32_t tag;
    p = ReadTag(p, range.end, &tag);
    if (p == nullptr) return Malformed() != nullptr;
    const char* const next = SkipValue(tag, p, range.end, depth + 1);
    if (next == nullptr) return Malformed() != nullptr;
    if (tag == key.tag()) {
      if (key.wire_type == kLength) {
        size_t length;
        const char* const text = ReadLength(p, range.end, &length);
        entry->key_text = {text, length};
      } else {
        ReadScalar(key.wire_type, p, range.end, &entry->key_bits);
        if (key.kind == Kind::kBool) entry->key_bits = entry->key_bits != 0;
      }
    } else if (tag == value.tag()) {
      if (entry->value.field != nullptr && value.is_message()) entry->value_in_parts = true;
      ReadOccurrence(value, tag, p, next, depth, &entry->value);
    }
    p = next;
  }
  if (value.kind == Kind::kEnum && entry->value.field != nullptr) {
    uint64_t bits = 0;
    ReadVarint(entry->value.begin, entry->value.end, &bits);
    // An unknown number of a closed enum makes the whole entry an unknown field.
    entry->dropped = UnknownInClosedEnum(value, bits);
  }
  return true;
}

void JsonWriter::DropRepeatedKeys(absl::Span<MapEntry> entries) {
  constexpr size_t kFewEntries = 16;
  if (entries.size() <= kFewEntries) {
    for (size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].dropped) continue;
      for (size_t later = i + 1; later < entries.size() && !entries[i].dropped; ++later) {
        entries[i].dropped = !entries[later].dropped && entries[i].key_bits == entries[later].key_bits &&
                             entries[i].key_text == entries[later].key_text;
      }
    }
    return;
  }
  absl::flat_hash_set<std::pair<uint64_t, absl::string_view>> seen;
  seen.reserve(entries.size());
  for (size_t i = entries.size(); i-- > 0;) {
    if (entries[i].dropped) continue;
    entries[i].dropped = !seen.emplace(entries[i].key_bits, core::ToAbsl(entries[i].key_text)).second;
  }
}

char* JsonWriter::MapKey(const FieldTable& key, const MapEntry& entry, char* out) {
  if (key.kind == Kind::kString) return String(entry.key_text, out);
  // 64-bit integers are quoted as values already.
  const bool quoted = key.absent.data[0] == '"';
  if (!quoted) *out++ = '"';
  out = Scalar(key, entry.key_bits, out);
  if (!quoted) *out++ = '"';
  return out;
}

char* JsonWriter::MapValue(const FieldTable& value, const MapEntry& entry, char* out, int depth) {
  if (value.is_message()) {
    if (!entry.value_in_parts) {
      const Range content{entry.value.begin, entry.value.end};
      return Message(*value.message, content.begin != nullptr ? content : Range{"", ""}, out, depth);
    }
    Occurrences parts;
    for (const char* p = entry.whole.begin; p < entry.whole.end;) {
      uint32_t tag;
      p = ReadTag(p, entry.whole.end, &tag);
      const char* const next = SkipValue(tag, p, entry.whole.end, depth + 1);
      if (tag == value.tag()) ReadOccurrence(value, tag, p, next, depth, &parts.emplace_back());
      p = next;
    }
    return MergedMessage(value, parts, out, depth);
  }
  const bool given = entry.value.field != nullptr;
  if (value.wire_type == kLength) {
    const std::string_view text(given ? entry.value.begin : "",
                                given ? static_cast<size_t>(entry.value.end - entry.value.begin) : 0);
    return TextOrBytes(value, text, out);
  }
  uint64_t bits = 0;
  if (given) {
    ReadScalar(value.wire_type, entry.value.begin, entry.value.end, &bits);
  } else if (value.kind == Kind::kEnum) {
    bits = static_cast<uint64_t>(static_cast<int64_t>(value.enumeration->first_number));
  }
  return Scalar(value, bits, out);
}

}  // namespace stratus::gateway::transcode
