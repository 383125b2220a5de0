// Memory for decoders, whose windows the sender chooses (8 to 16 MiB), counted in MemoryBudget.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "gateway/loop/memory_budget.h"

namespace stratus::gateway::filter {

// As malloc and free; `unused` is what libraries hand through to such functions.
inline void* CountedAllocate(void* unused, size_t size) {
  static_cast<void>(unused);
  constexpr size_t kHead = alignof(std::max_align_t);
  static_assert(kHead >= sizeof(size_t));
  if (size > SIZE_MAX - kHead) return nullptr;
  char* const block = static_cast<char*>(std::malloc(kHead + size));
  if (block == nullptr) return nullptr;
  *reinterpret_cast<size_t*>(block) = size;
  MemoryBudget::Take(size);
  return block + kHead;
}

inline void CountedFree(void* unused, void* at) {
  static_cast<void>(unused);
  if (at == nullptr) return;
  char* const block = static_cast<char*>(at) - alignof(std::max_align_t);
  MemoryBudget::Give(*reinterpret_cast<size_t*>(block));
  std::free(block);
}

}  // namespace stratus::gateway::filter
