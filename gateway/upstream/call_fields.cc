#include "gateway/upstream/call_fields.h"

#include <algorithm>
#include <cstdint>

namespace stratus::gateway::upstream {
namespace {

// RFC 9113, 4.1, 4.2 and 6.10.
constexpr size_t kFrameHead = 9;
constexpr size_t kPayloadMax = 16'384;
constexpr char kHeaders = 1;
constexpr char kContinuation = 9;
constexpr char kEndHeaders = 4;

// Longer ones are rare, and worth their coding.
constexpr size_t kValueMax = 4096;

// A string's length with seven bits of its first byte, the eighth for `not Huffman-coded` (RFC 7541, 5.1 and 5.2).
void AppendString(std::string_view text, Buffer* block) {
  constexpr size_t kFirstMax = 127;
  size_t left = text.size();
  if (left < kFirstMax) {
    block->Append(static_cast<char>(left));
  } else {
    block->Append(static_cast<char>(kFirstMax));
    for (left -= kFirstMax; left >= 128; left >>= 7) block->Append(static_cast<char>((left & 127) | 128));
    block->Append(static_cast<char>(left));
  }
  block->Append(text);
}

void AppendFrame(char type, char flags, std::string_view stream, std::string_view block, std::string_view more,
                 Buffer* out) {
  const size_t size = block.size() + more.size();
  out->Append(static_cast<char>(size >> 16));
  out->Append(static_cast<char>(size >> 8));
  out->Append(static_cast<char>(size));
  out->Append(type);
  out->Append(flags);
  out->Append(stream);
  out->Append(block);
  out->Append(more);
}

}  // namespace

bool IsCallField(std::string_view name, std::string_view value) {
  if (value.size() > kValueMax) return false;
  return name == "x-request-id" || name == "x-forwarded-for" || name == "traceparent" || name == "x-amzn-trace-id" ||
         name == "authorization" || name == "idempotency-key";
}

void AppendCallField(std::string_view name, std::string_view value, Buffer* block) {
  block->Append('\x10');
  AppendString(name, block);
  AppendString(value, block);
}

bool EndsHeaderBlock(std::string_view frame) {
  return frame.size() >= kFrameHead && (frame[3] == kHeaders || frame[3] == kContinuation) &&
         (frame[4] & kEndHeaders) != 0;
}

int StreamOf(std::string_view frame) {
  uint32_t stream = 0;
  for (size_t i = 5; i < kFrameHead; ++i) stream = stream << 8 | static_cast<unsigned char>(frame[i]);
  return static_cast<int>(stream & 0x7fffffff);
}

void AppendHeaderBlockEnd(std::string_view frame, std::string_view fields, Buffer* out) {
  const char type = frame[3];
  const char flags = frame[4];
  const std::string_view stream = frame.substr(5, 4);
  const std::string_view block = frame.substr(kFrameHead);
  if (block.size() + fields.size() <= kPayloadMax) {
    AppendFrame(type, flags, stream, block, fields, out);
    return;
  }
  AppendFrame(type, static_cast<char>(flags & ~kEndHeaders), stream, block, {}, out);
  while (!fields.empty()) {
    const std::string_view piece = fields.substr(0, kPayloadMax);
    fields.remove_prefix(piece.size());
    AppendFrame(kContinuation, fields.empty() ? kEndHeaders : '\0', stream, piece, {}, out);
  }
}

}  // namespace stratus::gateway::upstream
