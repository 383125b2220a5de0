// A growable byte buffer that is written by pointer, with slack behind the end so that writers may copy in fixed-size
// blocks past what they need.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "gateway/loop/large_blocks.h"
#include "gateway/loop/memory_budget.h"

namespace stratus::gateway {

class Buffer {
 public:
  // Writers may scribble this far past the room they reserved.
  static constexpr size_t kSlack = 64;

  Buffer() = default;
  ~Buffer() { Free(); }
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer taken(std::move(other));
    std::swap(data_, taken.data_);
    std::swap(size_, taken.size_);
    std::swap(capacity_, taken.capacity_);
    return *this;
  }

  char* data() { return data_; }
  const char* data() const { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {data_, size_}; }

  void Clear() { size_ = 0; }
  // Drops what lies behind the first `size` bytes; they must be there.
  void Truncate(size_t size) { size_ = size; }
  void Resize(size_t size) { Reserve(size > size_ ? size - size_ : 0), size_ = size; }

  // Room for `more` bytes at end(), plus the slack. Pointers into the buffer die.
  char* Reserve(size_t more) {
    if (size_ + more > capacity_) Grow(size_ + more);
    return data_ + size_;
  }
  char* end() { return data_ + size_; }
  // Takes what was written at end(): `to` is one past the last byte.
  void SetEnd(const char* to) { size_ = static_cast<size_t>(to - data_); }

  void Append(std::string_view text) {
    if (text.empty()) return;  // its data may be null, which memcpy must not see
    char* at = Reserve(text.size());
    std::memcpy(at, text.data(), text.size());
    size_ += text.size();
  }
  void Append(char c) {
    *Reserve(1) = c;
    ++size_;
  }
  // Drops the first `count` bytes.
  void Consume(size_t count) {
    if (count == 0) return;
    std::memmove(data_, data_ + count, size_ - count);
    size_ -= count;
  }
  // Gives back memory above `keep` bytes of capacity, when the content allows.
  void Shrink(size_t keep) {
    if (capacity_ > keep && size_ == 0) {
      Free();
      data_ = nullptr;
      capacity_ = 0;
    }
  }

 private:
  void Grow(size_t needed) {
    size_t capacity = capacity_ < 512 ? 512 : capacity_ * 2;
    while (capacity < needed) capacity *= 2;
    if (capacity + kSlack >= LargeBlocks::kBlockBytesMin) return GrowLarge(capacity + kSlack);
    void* const grown = std::realloc(data_, capacity + kSlack);
    if (grown == nullptr) std::abort();  // as operator new would end
    data_ = static_cast<char*>(grown);
    MemoryBudget::Take(capacity - capacity_);
    capacity_ = capacity;
  }

  void GrowLarge(size_t bytes) {
    LargeBlock block;
    if (is_large()) {
      block = LargeBlocks::Grow(block_of_it(), size_, bytes);
    } else {
      block = LargeBlocks::Allocate(bytes);
      if (size_ > 0) std::memcpy(block.data, data_, size_);
      FreeSmall();
    }
    data_ = block.data;
    capacity_ = block.size - kSlack;
  }

  void Free() {
    if (is_large()) {
      LargeBlocks::Free(block_of_it());
    } else {
      FreeSmall();
    }
  }

  void FreeSmall() {
    if (data_ == nullptr) return;
    MemoryBudget::Give(capacity_);
    std::free(data_);
  }

  bool is_large() const { return capacity_ + kSlack >= LargeBlocks::kBlockBytesMin; }
  LargeBlock block_of_it() const { return {data_, capacity_ + kSlack}; }

  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace stratus::gateway
