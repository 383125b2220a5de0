#include "gateway/loop/memory_budget.h"

#include <algorithm>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gateway/transcode/buffer.h"
#include "gtest/gtest.h"

namespace stratus::gateway {
namespace {

// Each thread may be off by so much.
constexpr size_t kSlack = 64 << 10;

size_t UsedSince(size_t before) { return MemoryBudget::used() - std::min(before, MemoryBudget::used()); }

TEST(MemoryBudget, CountsBuffersOfEverySize) {
  const size_t before = MemoryBudget::used();
  {
    std::vector<Buffer> small(1000);
    for (Buffer& buffer : small) buffer.Reserve(4000);
    EXPECT_NEAR(static_cast<double>(UsedSince(before)), 1000 * 4096.0, kSlack);
    Buffer large;
    large.Append(std::string(1000, 'x'));
    large.Reserve(30 << 20);
    EXPECT_GE(UsedSince(before) + kSlack, size_t{(30 << 20) + 1000 * 4096});
    Buffer moved = std::move(large);
    small.clear();
    EXPECT_LT(UsedSince(before), size_t{33 << 20} + kSlack);
  }
  EXPECT_LE(UsedSince(before), kSlack);
}

TEST(MemoryBudget, CountsWhatIsGivenBackByAnotherThread) {
  const size_t before = MemoryBudget::used();
  std::vector<Buffer> buffers(1000);
  for (Buffer& buffer : buffers) buffer.Reserve(4000);
  std::thread([taken = std::move(buffers)]() mutable { taken.clear(); }).join();
  EXPECT_LE(UsedSince(before), 2 * kSlack);
}

TEST(MemoryBudget, HasRoomUpToItsBound) {
  const size_t before = MemoryBudget::used();
  MemoryBudget::Set(before + (8 << 20));
  EXPECT_TRUE(MemoryBudget::HasRoom(8 << 20));
  EXPECT_FALSE(MemoryBudget::HasRoom(9 << 20));
  Buffer buffer;
  buffer.Reserve(size_t{15 << 19});
  EXPECT_TRUE(MemoryBudget::Strained());
  EXPECT_FALSE(MemoryBudget::HasRoom(1 << 20));
  MemoryBudget::Set(SIZE_MAX);
  EXPECT_FALSE(MemoryBudget::Strained());
}

}  // namespace
}  // namespace stratus::gateway
