#include "gateway/loop/large_blocks.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "gateway/loop/memory_budget.h"

namespace stratus::gateway {
namespace {

thread_local LargeBlocks* of_this_thread = nullptr;

size_t WholePages(size_t size) {
  static const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  return (size + page - 1) / page * page;
}

// Without memory the process ends, as it does where operator new has none.
LargeBlock Checked(void* data, size_t size) {
  if (data == MAP_FAILED) std::abort();
  return {static_cast<char*>(data), size};
}

LargeBlock Map(size_t size) {
  size = WholePages(size);
  MemoryBudget::Take(size);
  return Checked(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), size);
}

void Unmap(LargeBlock block) {
  MemoryBudget::Give(block.size);
  ::munmap(block.data, block.size);
}

}  // namespace

LargeBlocks::LargeBlocks(std::atomic<uint64_t>* kept_bytes, std::function<void()> on_kept)
    : kept_bytes_(kept_bytes), on_kept_(std::move(on_kept)) {
  kept_.reserve(kKeptBlocksMax);
  of_this_thread = this;
}

LargeBlocks::~LargeBlocks() {
  of_this_thread = nullptr;
  for (const Kept& kept : kept_) Unmap(kept.block);
  SetBytes(0);
}

bool LargeBlocks::GiveBackUnused() {
  size_t left = 0;
  std::erase_if(kept_, [&left](Kept& kept) {
    if (!std::exchange(kept.fresh, false)) {
      Unmap(kept.block);
      return true;
    }
    left += kept.block.size;
    return false;
  });
  SetBytes(left);
  return !kept_.empty();
}

LargeBlock LargeBlocks::Take(size_t size) {
  const size_t size_max = 2 * size;
  auto best = kept_.end();
  for (auto it = kept_.begin(); it != kept_.end(); ++it) {
    const size_t has = it->block.size;
    if (has >= size && has <= size_max && (best == kept_.end() || has < best->block.size)) best = it;
  }
  if (best == kept_.end()) return {};
  const LargeBlock taken = best->block;
  kept_.erase(best);
  SetBytes(bytes() - taken.size);
  return taken;
}

bool LargeBlocks::Keep(LargeBlock block) {
  if (MemoryBudget::Strained()) return false;
  if (kept_.size() >= kKeptBlocksMax || bytes() + block.size > kKeptBytesMax) return false;
  const bool first = kept_.empty();
  kept_.push_back({block, true});
  SetBytes(bytes() + block.size);
  if (first) on_kept_();
  return true;
}

LargeBlock LargeBlocks::Allocate(size_t size) {
  const LargeBlock kept = of_this_thread != nullptr ? of_this_thread->Take(size) : LargeBlock();
  return kept.data != nullptr ? kept : Map(size);
}

LargeBlock LargeBlocks::Grow(LargeBlock block, size_t used, size_t size) {
  if (of_this_thread != nullptr) {
    if (const LargeBlock kept = of_this_thread->Take(size); kept.data != nullptr) {
      std::memcpy(kept.data, block.data, used);  // a tenth of what new pages would cost
      Free(block);
      return kept;
    }
  }
  size = WholePages(size);
  MemoryBudget::Take(size - block.size);
  return Checked(::mremap(block.data, block.size, size, MREMAP_MAYMOVE), size);
}

void LargeBlocks::Free(LargeBlock block) {
  if (of_this_thread == nullptr || !of_this_thread->Keep(block)) Unmap(block);
}

}  // namespace stratus::gateway
