// ProtoJSON to wire format, one pass. Lengths are patched in behind: their size is guessed, and the content moved when
// the guess was wrong.
//
// The scanner leans on one property of its input: the last byte is a closing bracket, so that scanning spaces, digits
// or a literal stops by itself. Only strings and what follows a bracket need to look for the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "gateway/transcode/buffer.h"
#include "gateway/transcode/scalar_text.h"
#include "gateway/transcode/tables.h"
#include "gateway/transcode/transcode.h"

namespace stratus::gateway::transcode {

class WireWriter {
 public:
  WireWriter(const InputOptions& options, Buffer* buffer)
      : buffer_(buffer), ignore_unknown_(options.ignore_unknown_fields), depth_max_(options.depth_max) {}

  // Each returns false on an error.
  bool Run(const MessageTable& message, std::string_view json);
  bool RunField(const FieldTable& field, std::string_view json);
  // `json` is what RunField has taken for `field`: appends `mask`, a FieldMask, with what it names.
  bool RunMask(const FieldTable& mask, const FieldTable& field, std::string_view json);

  absl::Status status() const;

 private:
  // Where reading and writing stand. `in` is null after Fail().
  struct Place {
    const char* in;
    char* out;
  };
  // A length that is not known yet.
  struct Hole {
    size_t offset;
    int size;
  };
  // The bytes of a map entry's key, as written: equal keys have equal bytes.
  struct KeyBytes {
    size_t offset;
    size_t size;
  };
  using KeyList = absl::InlinedVector<KeyBytes, 16>;
  struct WideSlots;

  static constexpr size_t kRoom = 32;
  // How often the text may be gone through for the "@type" of an Any that does not begin with it; of small texts,
  // bytes. Each Any around another one goes through the inner one's text again.
  static constexpr size_t kSearchesMax = 8;
  static constexpr size_t kSearchBytesMin = 1 << 20;

  char* Room(char* out, size_t bytes) {
    if (static_cast<size_t>(limit_ - out) >= bytes) [[likely]]
      return out;
    return Grow(out, bytes);
  }
  char* Grow(char* out, size_t bytes);
  size_t Offset(const char* out) const { return static_cast<size_t>(out - buffer_->data()); }
  char* At(size_t offset) { return buffer_->data() + offset; }
  Hole OpenHole(char** out, int size) {
    *out = Room(*out, kRoom);
    const Hole hole{Offset(*out), size};
    *out += size;
    return hole;
  }
  // Returns the new end; *size is the length's size, a guess for the next one.
  char* CloseHole(const Hole& hole, char* out, int* size);
  char* CloseHole(const Hole& hole, char* out) {
    int size;
    return CloseHole(hole, out, &size);
  }

  const char* Begin(std::string_view json);
  bool End(Place at);

  // JSON scanning.
  static const char* SkipSpace(const char* p) {
    if (static_cast<uint8_t>(*p) > ' ') [[likely]]
      return p;
    return SkipSpaces(p);
  }
  static const char* SkipSpaces(const char* p);
  // `p` is behind the opening quote; returns the place of the closing one. The text between is valid UTF-8.
  const char* FindQuote(const char* p, bool* escaped);
  const char* FindQuoteAfter(const char* p, bool* escaped);
  // Decodes escapes between p and end. Null after Fail().
  char* Unescape(const char* p, const char* end, char* out);
  // A string's text (in scratch_ when it holds escapes); returns the place behind the closing quote.
  const char* Text(const char* p, std::string_view* text);
  const char* Skip(const char* p, int depth);
  const char* SkipContainer(const char* p, int depth);
  const char* Literal(const char* p, std::string_view word);
  const char* Colon(const char* p);
  // Behind a value in a container: the place behind a comma and spaces, or at the closing bracket.
  const char* NextMember(const char* p, char close);

  // Messages: content only, without tag and length.
  Place Message(const MessageTable& message, Place at, int depth);
  Place Object(const MessageTable& message, Place at, int depth, bool in_any);
  template <typename Slots>
  Place Members(const MessageTable& message, Place at, int depth, bool in_any);
  const char* UnknownMember(const MessageTable& message, std::string_view name, const char* p, int depth);
  const char* FindMember(const MessageTable& message, const char* p, const FieldTable** field, std::string_view* name);

  // Fields, with their tags.
  Place Field(const FieldTable& field, Place at, int depth);
  Place Null(const FieldTable& field, Place at);
  static bool TakesNull(const FieldTable& field);
  Place Singular(const FieldTable& field, Place at);
  Place Repeated(const FieldTable& field, Place at, int depth);
  Place PackedElements(const FieldTable& field, Place at);
  Place Map(const FieldTable& field, Place at, int depth);
  Place MapEntry(const FieldTable& field, Place at, int depth, KeyBytes* key, int* length_size);
  Place MapKey(const FieldTable& key, Place at);
  std::string_view KeyText(const KeyBytes& key) { return {At(key.offset), key.size}; }
  Place Delimited(const FieldTable& field, Place at, int depth, int* length_size);
  Place Text(const FieldTable& field, Place at);
  Place EscapedText(const FieldTable& field, const char* p, const char* end, char* out);
  Place Bytes(const FieldTable& field, Place at);
  const char* Bits(const FieldTable& field, const char* p, uint64_t* bits);
  const char* WholeBits(const FieldTable& field, const char* p, uint64_t* bits);
  const char* FloatingBits(const FieldTable& field, const char* p, uint64_t* bits);
  const char* EnumBits(const FieldTable& field, const char* p, uint64_t* bits);

  Place WellKnownType(const MessageTable& message, Place at, int depth);
  Place TimeOrMask(const MessageTable& message, Place at);
  Place Wrapper(const MessageTable& message, Place at);
  Place Value(const MessageTable& message, Place at, int depth);
  Place Struct(const MessageTable& message, Place at, int depth);
  Place ListValue(const MessageTable& message, Place at, int depth);
  Place Any(const MessageTable& message, Place at, int depth);
  Place AnyValue(Place at, const MessageTable* type, int depth);
  Place OpaqueBytes(Place at);
  const char* FindTypeUrl(const char* p, int depth, std::string* url);

  // Paths are relative to the body's message; `start` is where the mask begins in the output.
  Place MaskMembers(const MessageTable& message, Place at, size_t start, std::string* path, int depth);
  Place MaskValue(const FieldTable& field, Place at, size_t start, std::string* path, int depth);

  // Errors. Frames on the way out add the part of the path that they know.
  std::nullptr_t Fail(std::string_view reason);
  std::nullptr_t Expected(const char* p, std::string_view what);
  std::nullptr_t Syntax(const char* p, std::string_view reason);
  std::nullptr_t Within(std::string_view name);
  std::nullptr_t Within(size_t index);
  std::nullptr_t WithinKey(const char* name);  // of a map; behind its opening quote
  Place Failed() { return {nullptr, nullptr}; }

  Buffer* const buffer_;
  const bool ignore_unknown_;
  const int depth_max_;
  char* limit_ = nullptr;
  const char* begin_ = nullptr;
  const char* end_ = nullptr;       // behind the last bracket
  const char* json_end_ = nullptr;  // behind the caller's JSON: a bracket may have been added
  size_t search_left_ = 0;          // bytes that may yet be gone through for an "@type"
  bool ignored_ = false;            // an enum's unknown name was ignored: the value is as if absent
  std::string scratch_;
  std::string copy_;
  std::string reason_;
  std::string path_;
};

}  // namespace stratus::gateway::transcode
