// gzip in requests and responses (RFC 9110, 8.4).
#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/transcode/buffer.h"

namespace stratus::gateway::filter {

enum class ContentCoding : uint8_t { kIdentity, kGzip, kUnknown };

// Of a Content-Encoding; more than one coding is kUnknown.
ContentCoding ContentCodingOf(std::string_view content_encoding);

// Whether an Accept-Encoding prefers gzip to no coding at all. A client that sends none gets none.
bool PrefersGzip(std::string_view accept_encoding);

// Decodes gzip that comes in pieces, one member or several.
class GzipReader {
 public:
  GzipReader();
  ~GzipReader();
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  // Takes what it can of `input`, which shrinks, and appends at most `room` (> 0) bytes. False: this is no gzip.
  bool Read(std::string_view* input, size_t room, Buffer* out);
  // Whether the last Read stopped for want of room and may have more to give, also without input.
  bool has_more() const { return has_more_; }
  // Whether the input may end here.
  bool complete() const { return complete_; }

 private:
  z_stream stream_{};
  bool ready_ = false;
  bool has_more_ = false;
  bool complete_ = true;
};

// Encodes whole bodies, one after another, with memory (256 KiB) that is kept.
class GzipWriter {
 public:
  // `level` 1 to 9, as zlib has them.
  explicit GzipWriter(int level);
  ~GzipWriter();
  GzipWriter(const GzipWriter&) = delete;
  GzipWriter& operator=(const GzipWriter&) = delete;

  // Appends `body` as one gzip member. False when there is no memory for it.
  bool Write(std::string_view body, Buffer* out);

 private:
  z_stream stream_{};
  bool ready_ = false;
};

}  // namespace stratus::gateway::filter
