// Content codings in requests and responses (RFC 9110, 8.4): gzip, zstd (RFC 9659) and br (RFC 7932).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "gateway/transcode/buffer.h"

namespace stratus::gateway::filter {

enum class ContentCoding : uint8_t { kIdentity, kZstd, kBrotli, kGzip, kUnknown };
inline constexpr size_t kContentCodings = 4;  // those that are known

// As headers have it; empty for kUnknown.
std::string_view NameOf(ContentCoding coding);
// For Accept-Encoding and for errors.
inline constexpr char kCodingNames[] = "gzip, zstd, br";

// Of a Content-Encoding; more than one coding is kUnknown.
ContentCoding ContentCodingOf(std::string_view content_encoding);

// What an Accept-Encoding wants most, and no less than no coding at all. Of equals the one that costs us least: zstd,
// br, gzip. A client that sends none gets kIdentity.
ContentCoding ChooseCoding(std::string_view accept_encoding);

// Decodes one body that comes in pieces. Of gzip and zstd it may be several members or frames.
class BodyReader {
 public:
  virtual ~BodyReader() = default;

  // Takes what it can of `input`, which shrinks, and appends at most `room` (> 0) bytes. False: this is not its coding.
  virtual bool Read(std::string_view* input, size_t room, Buffer* out) = 0;
  // Whether the last Read stopped for want of room and may have more to give, also without input.
  bool has_more() const { return has_more_; }
  // Whether the input may end here.
  bool complete() const { return complete_; }

 protected:
  bool has_more_ = false;
  bool complete_ = true;
};

enum class DecodeResult : uint8_t { kTaken, kNotItsCoding, kTooLarge, kNoRoom };

inline bool AnyRoom(size_t) { return true; }

// Appends all of `piece`, decoded, to `out`, which holds what came before and may become `bytes_max` bytes. `reader`:
// of the body's coding, null where it has none. `has_room` is asked whether so many bytes more may be held.
DecodeResult AppendDecoded(BodyReader* reader, std::string_view piece, size_t bytes_max, Buffer* out,
                           absl::FunctionRef<bool(size_t more)> has_room = AnyRoom);
// A step of that, with a reader: makes no more than 128 KiB, and takes no more of `piece` than that needs.
DecodeResult DecodePiece(BodyReader* reader, std::string_view* piece, size_t bytes_max, Buffer* out,
                         absl::FunctionRef<bool(size_t more)> has_room);

// Encodes whole bodies, one after another, with memory that is kept.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  // Appends `body`. False when there is no memory for it.
  virtual bool Write(std::string_view body, Buffer* out) = 0;
};

// Null for kIdentity and kUnknown. `level` is 1 (quick) to 9 (small).
std::unique_ptr<BodyReader> MakeBodyReader(ContentCoding coding);
std::unique_ptr<BodyWriter> MakeBodyWriter(ContentCoding coding, int level);

}  // namespace stratus::gateway::filter
