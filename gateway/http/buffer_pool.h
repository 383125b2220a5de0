// Output buffers of one loop. A connection holds one only while it has something to send, so idle connections cost no
// output memory, and the buffer taken next is the one used last, still warm in the cache.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "gateway/transcode/buffer.h"

namespace stratus::gateway::http {

class BufferPool {
 public:
  // Bounds on what is kept for later: buffers, bytes of one, bytes of all.
  static constexpr size_t kBuffersMax = 256;
  static constexpr size_t kBufferBytesMax = LargeBlocks::kBlockBytesMin;  // those have a keeper of their own
  static constexpr size_t kBytesMax = 16 << 20;

  Buffer Take() {
    if (free_.empty()) return {};
    Buffer buffer = std::move(free_.back());
    free_.pop_back();
    bytes_ -= buffer.capacity();
    return buffer;
  }

  void Give(Buffer buffer) {
    const size_t capacity = buffer.capacity();
    if (capacity == 0 || capacity > kBufferBytesMax || free_.size() >= kBuffersMax || bytes_ + capacity > kBytesMax) {
      return;
    }
    buffer.Clear();
    bytes_ += capacity;
    free_.push_back(std::move(buffer));
  }

 private:
  std::vector<Buffer> free_;
  size_t bytes_ = 0;
};

}  // namespace stratus::gateway::http
