// The memory of large buffers: pages straight from the system. A worker's thread keeps what it lets go of for a while,
// as a page that comes anew from the system costs 1 to 4 microseconds: as much as all else that is done to its bytes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace stratus::gateway {

struct LargeBlock {
  char* data = nullptr;
  size_t size = 0;
};

// While one lives, blocks that its thread frees are kept for its thread. On other threads they go back at once.
class LargeBlocks {
 public:
  // A block has so many bytes at least; what is smaller is malloc's.
  static constexpr size_t kBlockBytesMin = 256 << 10;
  // What a thread keeps at most: enough for a reply of 16 MiB, the message it was made of, and what they grew through.
  static constexpr size_t kKeptBytesMax = 64 << 20;
  static constexpr size_t kKeptBlocksMax = 64;

  // `kept_bytes`: the count of what is kept, for any thread to read. `on_kept`: a block is kept where there was none:
  // time to call GiveBackUnused now and then, until nothing is left.
  LargeBlocks(std::atomic<uint64_t>* kept_bytes, std::function<void()> on_kept);
  // On the thread that made it.
  ~LargeBlocks();
  LargeBlocks(const LargeBlocks&) = delete;
  LargeBlocks& operator=(const LargeBlocks&) = delete;

  // Gives the system what was kept before the last call and not used since. Returns whether blocks are left.
  bool GiveBackUnused();

  // Any thread, whether blocks are kept for it or not. A block has `size` bytes at least. A kept one is at most twice
  // as large: a slow client that waits for little must not hold much.
  static LargeBlock Allocate(size_t size);
  // With the first `used` bytes as they are; `block` is gone.
  static LargeBlock Grow(LargeBlock block, size_t used, size_t size);
  static void Free(LargeBlock block);

 private:
  struct Kept {
    LargeBlock block;
    bool fresh;  // kept after the last GiveBackUnused
  };

  // The smallest that fits; a null one where there is none.
  LargeBlock Take(size_t size);
  bool Keep(LargeBlock block);
  size_t bytes() const { return kept_bytes_->load(std::memory_order_relaxed); }
  void SetBytes(size_t bytes) { kept_bytes_->store(bytes, std::memory_order_relaxed); }

  std::atomic<uint64_t>* const kept_bytes_;
  const std::function<void()> on_kept_;
  std::vector<Kept> kept_;
};

}  // namespace stratus::gateway
