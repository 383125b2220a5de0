// A growable byte buffer that is written by pointer, with slack behind the end so that writers may copy in fixed-size
// blocks past what they need.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

namespace stratus::gateway {

class Buffer {
 public:
  // Writers may scribble this far past the room they reserved.
  static constexpr size_t kSlack = 64;

  Buffer() = default;
  Buffer(Buffer&&) = default;
  Buffer& operator=(Buffer&&) = default;

  char* data() { return data_.get(); }
  const char* data() const { return data_.get(); }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {data_.get(), size_}; }

  void Clear() { size_ = 0; }
  // Drops what lies behind the first `size` bytes; they must be there.
  void Truncate(size_t size) { size_ = size; }
  void Resize(size_t size) { Reserve(size > size_ ? size - size_ : 0), size_ = size; }

  // Room for `more` bytes at end(), plus the slack. Pointers into the buffer die.
  char* Reserve(size_t more) {
    if (size_ + more > capacity_) Grow(size_ + more);
    return data_.get() + size_;
  }
  char* end() { return data_.get() + size_; }
  // Takes what was written at end(): `to` is one past the last byte.
  void SetEnd(const char* to) { size_ = static_cast<size_t>(to - data_.get()); }

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
    std::memmove(data_.get(), data_.get() + count, size_ - count);
    size_ -= count;
  }
  // Gives back memory above `keep` bytes of capacity, when the content allows.
  void Shrink(size_t keep) {
    if (capacity_ > keep && size_ == 0) {
      data_.reset();
      capacity_ = 0;
    }
  }

 private:
  void Grow(size_t needed) {
    size_t capacity = capacity_ < 512 ? 512 : capacity_ * 2;
    while (capacity < needed) capacity *= 2;
    // Not a new block and a copy: the C library grows a large one by moving its pages, so that a reply of megabytes
    // pays for each page once.
    void* const grown = std::realloc(data_.get(), capacity + kSlack);
    if (grown == nullptr) std::abort();  // as operator new would end
    static_cast<void>(data_.release());
    data_.reset(static_cast<char*>(grown));
    capacity_ = capacity;
  }

  struct Free {
    void operator()(char* data) const { std::free(data); }
  };

  std::unique_ptr<char, Free> data_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace stratus::gateway
