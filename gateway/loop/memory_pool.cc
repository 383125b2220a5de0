#include "gateway/loop/memory_pool.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "gateway/loop/memory_budget.h"

namespace stratus::gateway {

MemoryPool::MemoryPool()
    : callbacks_{
          .mem_user_data = this,
          .malloc = [](size_t size, void* pool) { return static_cast<MemoryPool*>(pool)->Allocate(size); },
          .free = [](void* at, void* pool) { static_cast<MemoryPool*>(pool)->Free(at); },
          .calloc = [](size_t count, size_t size, void* pool) -> void* {
            if (size != 0 && count > SIZE_MAX / size) return nullptr;
            void* at = static_cast<MemoryPool*>(pool)->Allocate(count * size);
            return at == nullptr ? nullptr : std::memset(at, 0, count * size);
          },
          .realloc = [](void* at, size_t size,
                        void* pool) { return static_cast<MemoryPool*>(pool)->Reallocate(at, size); },
      } {}

MemoryPool::~MemoryPool() {
  for (Block* block : free_) {
    while (block != nullptr) {
      Block* next = block->next;
      Return(block);
      block = next;
    }
  }
}

void MemoryPool::Return(Block* block) {
  MemoryBudget::Give(sizeof(Block) + block->capacity);
  std::free(block);
}

size_t MemoryPool::ClassOf(size_t size) {
  const size_t width = std::bit_width(size == 0 ? 0 : size - 1);
  return width <= kFirstShift ? 0 : width - kFirstShift;
}

void* MemoryPool::Allocate(size_t size) {
  const size_t size_class = std::min(ClassOf(size), kClasses);
  const size_t capacity = size_class < kClasses ? size_t{1} << (kFirstShift + size_class) : size;
  if (size_class < kClasses && free_[size_class] != nullptr) {
    Block* block = free_[size_class];
    free_[size_class] = block->next;
    kept_ -= capacity;
    return block + 1;
  }
  if (capacity > SIZE_MAX - sizeof(Block)) return nullptr;
  auto* block = static_cast<Block*>(std::malloc(sizeof(Block) + capacity));
  if (block == nullptr) return nullptr;
  MemoryBudget::Take(sizeof(Block) + capacity);
  block->size_class = size_class;
  block->capacity = capacity;
  return block + 1;
}

void MemoryPool::Free(void* at) {
  if (at == nullptr) return;
  Block* block = static_cast<Block*>(at) - 1;
  if (block->size_class == kClasses || kept_ + block->capacity > kKeptMax) {
    Return(block);
    return;
  }
  kept_ += block->capacity;
  block->next = free_[block->size_class];
  free_[block->size_class] = block;
}

void* MemoryPool::Reallocate(void* at, size_t size) {
  if (at == nullptr) return Allocate(size);
  const size_t capacity = (static_cast<Block*>(at) - 1)->capacity;
  if (size <= capacity) return at;
  void* bigger = Allocate(size);
  if (bigger == nullptr) return nullptr;
  std::memcpy(bigger, at, capacity);
  Free(at);
  return bigger;
}

}  // namespace stratus::gateway
