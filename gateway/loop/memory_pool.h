// Memory for nghttp2: free lists by size, so that a stream's bookkeeping does not go through malloc.
#pragma once

#include <nghttp2/nghttp2.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace stratus::gateway {

class MemoryPool {
 public:
  // Bytes kept for later, at most.
  static constexpr size_t kKeptMax = 8 << 20;

  MemoryPool();
  ~MemoryPool();
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  void* Allocate(size_t size);
  void Free(void* at);
  void* Reallocate(void* at, size_t size);

  // For nghttp2_session_server_new3 and its like. The pool must outlive the session.
  nghttp2_mem* nghttp2() { return &callbacks_; }

 private:
  // Blocks hold 2^(kFirstShift + class) bytes beside their header; what is larger comes from malloc each time.
  static constexpr size_t kFirstShift = 5;
  static constexpr size_t kClasses = 10;
  struct alignas(std::max_align_t) Block {
    Block* next;
    size_t size_class;  // kClasses: from malloc
    size_t capacity;
  };

  static size_t ClassOf(size_t size);
  // To the system.
  static void Return(Block* block);

  std::array<Block*, kClasses> free_ = {};
  size_t kept_ = 0;
  nghttp2_mem callbacks_;
};

}  // namespace stratus::gateway
