#include "gateway/upstream/memory_pool.h"

#include <cstdlib>
#include <cstring>

namespace stratus::gateway::upstream {
namespace {

constexpr size_t kSmallest = 32;

size_t ClassOf(size_t size, size_t classes) {
  size_t size_class = 0;
  for (size_t fits = kSmallest; fits < size && size_class < classes; fits *= 2) ++size_class;
  return size_class;
}

}  // namespace

MemoryPool::MemoryPool() {
  mem_.mem_user_data = this;
  mem_.malloc = [](size_t size, void* self) { return static_cast<MemoryPool*>(self)->Allocate(size); };
  mem_.free = [](void* memory, void* self) { static_cast<MemoryPool*>(self)->Free(memory); };
  mem_.calloc = [](size_t count, size_t size, void* self) -> void* {
    if (size != 0 && count > SIZE_MAX / size) return nullptr;
    void* memory = static_cast<MemoryPool*>(self)->Allocate(count * size);
    if (memory != nullptr) std::memset(memory, 0, count * size);
    return memory;
  };
  mem_.realloc = [](void* memory, size_t size, void* self) {
    return static_cast<MemoryPool*>(self)->Reallocate(memory, size);
  };
}

MemoryPool::~MemoryPool() {
  for (FreeList& list : free_) {
    while (list.first != nullptr) {
      Block* block = list.first;
      list.first = block->next;
      std::free(block);
    }
  }
}

void* MemoryPool::Allocate(size_t size) {
  const size_t size_class = ClassOf(size, kClasses);
  if (size_class < kClasses && free_[size_class].first != nullptr) {
    Block* block = free_[size_class].first;
    free_[size_class].first = block->next;
    --free_[size_class].count;
    return block + 1;
  }
  const size_t usable = size_class < kClasses ? kSmallest << size_class : size;
  if (usable > SIZE_MAX - sizeof(Block)) return nullptr;
  auto* block = static_cast<Block*>(std::malloc(sizeof(Block) + usable));
  if (block == nullptr) return nullptr;
  block->size_class = size_class;
  block->size = usable;
  return block + 1;
}

void MemoryPool::Free(void* memory) {
  if (memory == nullptr) return;
  Block* block = static_cast<Block*>(memory) - 1;
  if (block->size_class >= kClasses || free_[block->size_class].count >= kKeptMax) {
    std::free(block);
    return;
  }
  FreeList& list = free_[block->size_class];
  block->next = list.first;
  list.first = block;
  ++list.count;
}

void* MemoryPool::Reallocate(void* memory, size_t size) {
  if (memory == nullptr) return Allocate(size);
  const Block* block = static_cast<Block*>(memory) - 1;
  if (size <= block->size) return memory;
  void* bigger = Allocate(size);
  if (bigger == nullptr) return nullptr;
  std::memcpy(bigger, memory, block->size);
  Free(memory);
  return bigger;
}

}  // namespace stratus::gateway::upstream
