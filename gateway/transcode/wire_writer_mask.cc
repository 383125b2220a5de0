// The FieldMask that a PATCH's body implies (AIP-134): the paths of what it sets.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "gateway/transcode/wire_writer.h"

namespace stratus::gateway::transcode {
namespace {

constexpr uint32_t kPaths = 1;
// Paths repeat the names of what is around them, so a deep body could name far more than it holds.
constexpr size_t kMaskBytesMax = 1 << 20;

// Whether the value's members are named one by one. A list or a map is replaced as a whole (google.protobuf.FieldMask).
bool HasMembers(const FieldTable& field) {
  return field.is_message() && field.shape == Shape::kSingular && field.message->well_known == WellKnown::kNone;
}

}  // namespace

bool WireWriter::RunMask(const FieldTable& mask, const FieldTable& field, std::string_view json) {
  const char* const p = Begin(json);
  if (p == nullptr) return false;
  if (*p != '{' || !HasMembers(field)) return true;  // null: nothing is named
  char* out = WriteTag(mask, Grow(buffer_->end(), kRoom));
  const Hole hole = OpenHole(&out, 1);
  std::string path;
  Place at = MaskMembers(*field.message, {p, out}, hole.offset, &path, depth_max_);
  if (at.in == nullptr) return false;
  at.out = CloseHole(hole, at.out);
  return End(at);
}

WireWriter::Place WireWriter::MaskMembers(const MessageTable& message, Place at, size_t start, std::string* path,
                                          int depth) {
  const size_t prefix = path->size();
  const char* p = SkipSpace(at.in + 1);
  while (*p != '}') {
    std::string_view name;
    if (*p != '"') return {Syntax(p, "a name in quotes is expected"), nullptr};
    p = Text(p + 1, &name);
    const FieldTable* const field = p == nullptr ? nullptr : message.ByName(name);
    if (p != nullptr) p = Colon(p);
    if (p == nullptr) return Failed();
    if (field == nullptr) {  // it was ignored
      p = Skip(p, depth);
    } else {
      absl::StrAppend(path, prefix == 0 ? "" : ".", field->proto_name);
      at = MaskValue(*field, {p, at.out}, start, path, depth);
      p = at.in;
      path->resize(prefix);
    }
    if (p != nullptr) p = NextMember(p, '}');
    if (p == nullptr) return Failed();
  }
  return {p + 1, at.out};
}

WireWriter::Place WireWriter::MaskValue(const FieldTable& field, Place at, size_t start, std::string* path, int depth) {
  // An empty object sets the field to an empty message.
  if (*at.in == '{' && HasMembers(field) && *SkipSpace(at.in + 1) != '}') {
    if (depth > 1) return MaskMembers(*field.message, at, start, path, depth - 1);
    Fail("nested too deeply");
    return Failed();
  }
  char* out = Room(at.out, path->size() + kRoom);
  out = WriteVarint(WriteVarint(out, kPaths << 3 | kLength), path->size());
  out = std::copy(path->begin(), path->end(), out);
  if (Offset(out) - start > kMaskBytesMax) {
    Fail("names too many fields: give the update mask as a parameter");
    return Failed();
  }
  return {Skip(at.in, depth), out};
}

}  // namespace stratus::gateway::transcode
