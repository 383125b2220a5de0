// nghttp2's memory from free lists, so that a request on a warm connection allocates nothing. One pool a loop thread;
// not thread-safe.
#pragma once

#include <nghttp2/nghttp2.h>

#include <array>
#include <cstddef>

namespace stratus::gateway::upstream {

class MemoryPool {
 public:
  MemoryPool();
  // Every session that allocates from here must be gone.
  ~MemoryPool();
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  nghttp2_mem* get() { return &mem_; }

 private:
  // Blocks of 32 bytes to 4 KiB are kept, at most kKeptMax of a size; bigger ones go straight to malloc.
  static constexpr size_t kClasses = 8;
  static constexpr size_t kKeptMax = 1024;

  struct Block {
    size_t size_class;  // kClasses: not pooled
    size_t size;        // usable bytes
    Block* next;        // in a free list; memory handed out starts behind this header
    size_t padding;     // keeps what follows aligned to 16
  };
  struct FreeList {
    Block* first = nullptr;
    size_t count = 0;
  };

  void* Allocate(size_t size);
  void Free(void* memory);
  void* Reallocate(void* memory, size_t size);

  nghttp2_mem mem_;
  std::array<FreeList, kClasses> free_;
};

}  // namespace stratus::gateway::upstream
