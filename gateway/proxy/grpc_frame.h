// gRPC's 5-byte message prefix: a compression flag and a big-endian length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/transcode/buffer.h"

namespace stratus::gateway::proxy {

inline constexpr size_t kPrefixBytes = 5;

inline void WritePrefix(size_t length, char* out) {
  out[0] = 0;
  for (int i = 0; i < 4; ++i) out[1 + i] = static_cast<char>(length >> (24 - 8 * i));
}

// Cuts a stream of pieces into messages. A message that lies whole in one piece is never copied. A compressed one is an
// error, unless Reset has allowed it.
class MessageReader {
 public:
  enum class Result { kMessage, kNeedMore, kCompressed, kTooLong };

  explicit MessageReader(size_t message_bytes_max = SIZE_MAX) : message_bytes_max_(message_bytes_max) {}

  // Takes what it can from `piece`, which shrinks. kMessage: `message` holds one, valid until the next call.
  Result Next(std::string_view* piece, std::string_view* message) {
    if (delivered_) {
      partial_.Clear();
      delivered_ = false;
    }
    if (partial_.empty() && piece->size() >= kPrefixBytes) {
      if (const Result bad = CheckPrefix(piece->data()); bad != Result::kMessage) return bad;
      if (piece->size() - kPrefixBytes >= length_) {
        *message = piece->substr(kPrefixBytes, length_);
        piece->remove_prefix(kPrefixBytes + length_);
        return Result::kMessage;
      }
    }
    return NextFromParts(piece, message);
  }

  // Whether the message that Next gave is compressed.
  bool compressed() const { return compressed_; }
  size_t held_bytes() const { return partial_.capacity(); }
  // Whether a message has begun and is not complete.
  bool partial() const { return !delivered_ && !partial_.empty(); }

  void Reset(size_t message_bytes_max, bool allow_compressed = false) {
    message_bytes_max_ = message_bytes_max;
    allow_compressed_ = allow_compressed;
    Release();
  }
  // Forgets what has begun, and gives back what a large message took.
  void Release() {
    partial_.Clear();
    partial_.Shrink(64 << 10);
    delivered_ = false;
  }

 private:
  Result CheckPrefix(const char* prefix) {
    length_ = 0;
    for (int i = 1; i < 5; ++i) length_ = length_ << 8 | static_cast<unsigned char>(prefix[i]);
    compressed_ = prefix[0] == 1;
    if (prefix[0] != 0 && !(compressed_ && allow_compressed_)) return Result::kCompressed;
    return length_ > message_bytes_max_ ? Result::kTooLong : Result::kMessage;
  }

  Result NextFromParts(std::string_view* piece, std::string_view* message) {
    if (partial_.size() < kPrefixBytes) {
      Take(piece, kPrefixBytes - partial_.size());
      if (partial_.size() < kPrefixBytes) return Result::kNeedMore;
      if (const Result bad = CheckPrefix(partial_.data()); bad != Result::kMessage) return bad;
    }
    Take(piece, kPrefixBytes + length_ - partial_.size());
    if (partial_.size() < kPrefixBytes + length_) return Result::kNeedMore;
    *message = partial_.view().substr(kPrefixBytes);
    delivered_ = true;
    return Result::kMessage;
  }

  void Take(std::string_view* piece, size_t wanted) {
    const std::string_view taken = piece->substr(0, wanted);
    partial_.Append(taken);
    piece->remove_prefix(taken.size());
  }

  size_t message_bytes_max_;
  size_t length_ = 0;
  Buffer partial_;  // prefix and what there is of the message
  bool delivered_ = false;
  bool allow_compressed_ = false;
  bool compressed_ = false;
};

}  // namespace stratus::gateway::proxy
