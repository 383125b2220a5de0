// The second way through a message: list its fields first, then write them by number. For wire format that merging
// leaves behind, and for messages with more fields than the first way's bit sets hold.
#include <algorithm>
#include <bit>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "gateway/transcode/json_writer.h"
#include "gateway/transcode/wire.h"
#include "lib/core/status.h"

namespace stratus::gateway::transcode {

char* JsonWriter::FieldsAgain(const MessageTable& message, Range wire, size_t start, int depth) {
  bytes_again_ += static_cast<size_t>(wire.end - wire.begin);
  if (bytes_again_ > bytes_again_max_) {
    wants_careful_ = true;
    return nullptr;
  }
  return FieldsListed(message, wire, At(start), depth);
}

char* JsonWriter::FieldsListed(const MessageTable& message, Range wire, char* out, int depth) {
  Occurrences found;
  if (!List(message, wire, depth, &found)) return nullptr;
  DropOverruled(message, &found);
  std::sort(found.begin(), found.end(), [](const Occurrence& a, const Occurrence& b) {
    return a.field != b.field ? a.field < b.field : a.begin < b.begin;
  });
  size_t at = 0;
  for (const FieldTable& field : message.fields) {
    size_t next = at;
    while (next < found.size() && found[next].field == &field) ++next;
    if (next > at) {
      const size_t start = Offset(out);
      const absl::Span<const Occurrence> all(found.data() + at, next - at);
      out = Listed(field, all, Key(out, field), depth);
      if (out == nullptr) return nullptr;
      if (Offset(out) == start + field.key[names_].size) out = At(start);  // nothing to show
      at = next;
    } else if (field.no_presence && print_absent_) {
      out = AbsentField(field, out);
    }
  }
  return out;
}

bool JsonWriter::List(const MessageTable& message, Range wire, int depth, Occurrences* found) {
  const char* p = wire.begin;
  while (p < wire.end) {
    uint32_t tag;
    p = ReadTag(p, wire.end, &tag);
    if (p == nullptr) return Malformed() != nullptr;
    const char* const next = SkipValue(tag, p, wire.end, depth + 1);
    if (next == nullptr) return Malformed() != nullptr;
    const FieldTable* const field = message.ByNumber(tag >> 3);
    if (field != nullptr && Fits(*field, tag & 7)) {
      Occurrence occurrence;
      if (!ReadOccurrence(*field, tag, p, next, depth, &occurrence)) return false;
      // A closed enum's unknown number is an unknown field: it overrules nothing.
      uint64_t bits = 0;
      const bool unknown = field->kind == Kind::kEnum && field->shape == Shape::kSingular &&
                           ReadVarint(occurrence.begin, next, &bits) != nullptr && UnknownInClosedEnum(*field, bits);
      if (!unknown) found->push_back(occurrence);
    }
    p = next;
  }
  return true;
}

bool JsonWriter::ReadOccurrence(const FieldTable& field, uint32_t tag, const char* p, const char* end, int depth,
                                Occurrence* found) {
  *found = {&field, tag & 7, p, end};
  if ((tag & 7) == kLength) {
    size_t length;
    found->begin = ReadLength(p, end, &length);
  } else if ((tag & 7) == kStartGroup) {
    ReadGroup(tag, p, end, depth + 1, &found->end);
  }
  return true;
}

void JsonWriter::DropOverruled(const MessageTable& message, Occurrences* found) {
  if (message.oneof_count == 0) return;
  // The last member on the wire stays, with those of its occurrences that no other member came after.
  struct Last {
    const FieldTable* field = nullptr;
    const char* since = nullptr;
  };
  absl::InlinedVector<Last, 8> last(message.oneof_count);
  for (const Occurrence& occurrence : *found) {
    if (occurrence.field->oneof < 0) continue;
    Last& current = last[static_cast<size_t>(occurrence.field->oneof)];
    if (current.field != occurrence.field) current = {occurrence.field, occurrence.begin};
  }
  found->erase(std::remove_if(found->begin(), found->end(),
                              [&last](const Occurrence& occurrence) {
                                if (occurrence.field->oneof < 0) return false;
                                const Last& kept = last[static_cast<size_t>(occurrence.field->oneof)];
                                return kept.field != occurrence.field || occurrence.begin < kept.since;
                              }),
               found->end());
}

// The value of a field from all of its occurrences; nothing is written when nothing is to be shown.
char* JsonWriter::Listed(const FieldTable& field, absl::Span<const Occurrence> all, char* out, int depth) {
  const Occurrence& last = all.back();
  if (field.shape == Shape::kMap) {
    Ranges entries;
    for (const Occurrence& occurrence : all) entries.push_back({occurrence.begin, occurrence.end});
    const size_t start = Offset(out);
    out = MapEntries(field, entries, out, depth);
    if (out == nullptr) return Within(field);
    return Offset(out) - start == 2 && !print_absent_ ? At(start) : out;
  }
  if (field.shape == Shape::kRepeated) {
    const size_t start = Offset(out);
    if (field.is_message() && depth <= 0) return Fail("nested too deeply");
    *out++ = '[';
    for (size_t index = 0; index < all.size(); ++index) {
      const Occurrence& one = all[index];
      if (one.wire_type == kLength && field.packable) {
        out = Packed(field, {one.begin, one.end}, out);
      } else if (field.is_message()) {
        out = Message(*field.message, {one.begin, one.end}, Room(out, kRoom), depth);
        if (out != nullptr) *(out = Room(out, 1))++ = ',';
      } else if (one.wire_type == kLength) {
        out = TextOrBytes(field, {one.begin, static_cast<size_t>(one.end - one.begin)}, out);
        if (out != nullptr) *(out = Room(out, 1))++ = ',';
      } else {
        out = Element(field, one.wire_type, one.begin, one.end, out, depth).out;
      }
      if (out == nullptr) return Within(field, index);
    }
    if (Offset(out) == start + 1) {
      if (!print_absent_) return At(start);
      *(out = Room(out, 1))++ = ']';
      return out;
    }
    out[-1] = ']';
    return out;
  }
  if (field.is_message()) {
    out = MergedMessage(field, all, out, depth);
  } else if (last.wire_type == kLength) {
    if (last.begin == last.end && field.no_presence && !print_absent_) return out;
    out = TextOrBytes(field, {last.begin, static_cast<size_t>(last.end - last.begin)}, out);
  } else {
    uint64_t bits = 0;
    ReadScalar(last.wire_type, last.begin, last.end, &bits);
    return Hidden(field, bits) ? out : Scalar(field, bits, out);
  }
  return out != nullptr ? out : Within(field);
}

// Parts of a message given more than once merge, and merging is what concatenation of wire format means.
char* JsonWriter::MergedMessage(const FieldTable& field, absl::Span<const Occurrence> all, char* out, int depth) {
  if (all.size() == 1) return Message(*field.message, {all[0].begin, all[0].end}, out, depth);
  std::string merged;
  for (const Occurrence& one : all) merged.append(one.begin, one.end);
  const char* const readable_end = readable_end_;
  readable_end_ = merged.data() + merged.size();
  out = Message(*field.message, {merged.data(), merged.data() + merged.size()}, out, depth);
  readable_end_ = readable_end;
  return out;
}

}  // namespace stratus::gateway::transcode
