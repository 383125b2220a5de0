// How much memory the process holds in buffers, and how much it may (docs/adr/0010-a-memory-budget.md).
//
// Buffers, large blocks and nghttp2's pools count themselves where they get memory, so nothing has to be declared by
// who uses them, and a buffer that is reused costs nothing. Counting never refuses: whoever is about to hold more asks
// HasRoom first, and ends its call when there is none.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace stratus::gateway {

// One for the process. Any thread.
class MemoryBudget {
 public:
  // SIZE_MAX until Set: no bound.
  static size_t bytes() { return budget_.load(std::memory_order_relaxed); }
  static void Set(size_t bytes) { budget_.store(bytes, std::memory_order_relaxed); }

  static void Take(size_t bytes) { Change(static_cast<int64_t>(bytes)); }
  static void Give(size_t bytes) { Change(-static_cast<int64_t>(bytes)); }
  // Off by kSlack for each thread, at most.
  static size_t used() { return static_cast<size_t>(std::max<int64_t>(used_.load(std::memory_order_relaxed), 0)); }

  static bool HasRoom(size_t more) {
    const size_t most = bytes();
    return more <= most && used() <= most - more;
  }
  // From here on no new bodies are taken, and who holds most for longest is closed, until Relieved.
  static bool Strained() { return used() > bytes() / 8 * 7; }
  static size_t relieved_bytes() { return bytes() / 4 * 3; }

 private:
  static constexpr int64_t kSlack = 32 << 10;

  static void Change(int64_t by) {
    const int64_t pending = pending_ + by;
    if (pending <= kSlack && pending >= -kSlack) {
      pending_ = pending;
      return;
    }
    used_.fetch_add(pending, std::memory_order_relaxed);
    pending_ = 0;
  }

  static inline std::atomic<int64_t> used_{0};
  static inline std::atomic<size_t> budget_{std::numeric_limits<size_t>::max()};
  static inline constinit thread_local int64_t pending_ = 0;  // of this thread, not in used_ yet
};

}  // namespace stratus::gateway
