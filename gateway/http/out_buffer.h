// The bytes a connection has still to send. What is written counts as soon as it is committed; until then it may be
// taken back or patched.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include "gateway/http/buffer_pool.h"
#include "gateway/transcode/buffer.h"

namespace stratus::gateway::http {

class OutBuffer {
 public:
  explicit OutBuffer(BufferPool* pool) : pool_(pool) {}
  ~OutBuffer() { pool_->Give(std::move(buffer_)); }
  OutBuffer(const OutBuffer&) = delete;
  OutBuffer& operator=(const OutBuffer&) = delete;

  // For appending. Offsets into it hold until the next Sent that sent something.
  Buffer& buffer() {
    if (buffer_.capacity() == 0) buffer_ = pool_->Take();
    return buffer_;
  }

  // All that was appended may be sent.
  void Commit() { committed_ = buffer_.size(); }
  // Drops what was appended after the last Commit.
  void Rollback() { buffer_.Resize(committed_); }
  size_t committed() const { return committed_; }

  // Sent behind what is committed, without a copy; `owner` keeps it alive. Nothing may be appended while there is a
  // tail.
  void SetTail(std::shared_ptr<const void> owner, std::string_view tail) {
    owner_ = std::move(owner);
    tail_ = tail;
  }
  bool has_tail() const { return !tail_.empty(); }

  std::string_view pending() const {
    return sent_ < committed_ ? buffer_.view().substr(sent_, committed_ - sent_) : tail_;
  }
  // With what is not committed.
  size_t backlog() const { return buffer_.size() - sent_ + tail_.size(); }
  size_t held_bytes() const { return buffer_.capacity(); }

  // The first `bytes` of pending() have gone. Returns by how much the offsets into buffer() have fallen.
  size_t Sent(size_t bytes) {
    if (sent_ == committed_ && has_tail()) {
      tail_.remove_prefix(bytes);
      if (tail_.empty()) owner_.reset();
      return 0;
    }
    sent_ += bytes;
    if (sent_ == buffer_.size()) {
      buffer_.Clear();
      pool_->Give(std::move(buffer_));
      buffer_ = Buffer();
    } else if (std::exchange(size_at_sent_, buffer_.size()) == buffer_.size() || sent_ < kCompactAt ||
               sent_ < buffer_.size() / 2) {
      return 0;
    } else {
      buffer_.Consume(sent_);
      size_at_sent_ = buffer_.size();
    }
    committed_ -= sent_;
    return std::exchange(sent_, 0);
  }

 private:
  // The rest moves to the front once this much and half of all has been sent: no byte moves twice on average. Only of
  // a buffer that is still being appended to: a whole reply leaves without having moved.
  static constexpr size_t kCompactAt = 128 << 10;

  BufferPool* pool_;
  Buffer buffer_;
  size_t sent_ = 0;
  size_t size_at_sent_ = 0;
  size_t committed_ = 0;
  std::string_view tail_;
  std::shared_ptr<const void> owner_;  // of tail_
};

}  // namespace stratus::gateway::http
