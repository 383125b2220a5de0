// Counts the frames of an HTTP/2 client, whatever they are: nghttp2 says nothing of those that it ignores.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace stratus::gateway::http {

class FrameCounter {
 public:
  // How many frames begin in `input`, which follows what came before; the first bytes are the client's preface.
  size_t Count(std::string_view input) {
    size_t frames = 0;
    while (!input.empty()) {
      const size_t skipped = std::min(skip_, input.size());
      skip_ -= skipped;
      input.remove_prefix(skipped);
      if (skip_ > 0 || input.empty()) break;
      if (head_bytes_ == 0) ++frames;
      length_ = length_ << 8 | static_cast<uint8_t>(input.front());
      input.remove_prefix(1);
      if (++head_bytes_ < kLengthBytes) continue;
      skip_ = kHeadBytes - kLengthBytes + length_;
      head_bytes_ = length_ = 0;
    }
    return frames;
  }

 private:
  static constexpr size_t kPrefaceBytes = 24;
  static constexpr size_t kHeadBytes = 9;
  static constexpr size_t kLengthBytes = 3;

  size_t skip_ = kPrefaceBytes;  // bytes before the next frame begins
  uint32_t length_ = 0;          // of the frame whose head is being read
  uint32_t head_bytes_ = 0;      // of that head
};

}  // namespace stratus::gateway::http
