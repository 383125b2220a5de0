#include "gateway/loop/large_blocks.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <string>
#include <vector>

#include "gateway/transcode/buffer.h"

namespace stratus::gateway {
namespace {

constexpr size_t kMiB = 1 << 20;

class LargeBlocksTest : public ::testing::Test {
 protected:
  std::atomic<uint64_t> kept_{0};
  int calls_ = 0;
  LargeBlocks blocks_{&kept_, [this] { ++calls_; }};
};

TEST_F(LargeBlocksTest, GivesAgainWhatWasFreed) {
  const LargeBlock block = LargeBlocks::Allocate(kMiB);
  LargeBlocks::Free(block);
  EXPECT_EQ(kept_, block.size);
  const LargeBlock again = LargeBlocks::Allocate(kMiB - 5000);
  EXPECT_EQ(again.data, block.data);
  EXPECT_EQ(again.size, block.size);
  EXPECT_EQ(kept_, 0u);
  LargeBlocks::Free(again);
}

TEST_F(LargeBlocksTest, LittleDoesNotGetMuch) {
  const LargeBlock large = LargeBlocks::Allocate(16 * kMiB);
  LargeBlocks::Free(large);
  const LargeBlock small = LargeBlocks::Allocate(kMiB);
  EXPECT_LT(small.size, 2 * kMiB);
  EXPECT_EQ(kept_, large.size);
  LargeBlocks::Free(small);
}

TEST_F(LargeBlocksTest, ABlockGrowsIntoAKeptOneOrWhereItIs) {
  const LargeBlock kept = LargeBlocks::Allocate(4 * kMiB);
  LargeBlocks::Free(kept);
  LargeBlock block = LargeBlocks::Allocate(kMiB);
  std::memcpy(block.data, "content", 7);
  block = LargeBlocks::Grow(block, 7, 3 * kMiB);
  EXPECT_EQ(block.data, kept.data);
  block = LargeBlocks::Grow(block, 7, 20 * kMiB);
  EXPECT_GE(block.size, 20 * kMiB);
  EXPECT_EQ(std::string(block.data, 7), "content");
  block.data[20 * kMiB - 1] = 'x';
  LargeBlocks::Free(block);
}

TEST_F(LargeBlocksTest, KeepsNoMoreThanItsBounds) {
  std::vector<LargeBlock> many;
  for (size_t i = 0; i < LargeBlocks::kKeptBlocksMax + 1; ++i) many.push_back(LargeBlocks::Allocate(256 << 10));
  for (const LargeBlock& block : many) LargeBlocks::Free(block);
  EXPECT_EQ(kept_, LargeBlocks::kKeptBlocksMax * many[0].size);
  while (blocks_.GiveBackUnused()) {
  }
  LargeBlocks::Free(LargeBlocks::Allocate(LargeBlocks::kKeptBytesMax + 1));
  EXPECT_EQ(kept_, 0u);
}

TEST_F(LargeBlocksTest, GivesBackWhatIsNotUsedAndAsksForThatOnce) {
  const LargeBlock busy = LargeBlocks::Allocate(kMiB);
  const LargeBlock unused = LargeBlocks::Allocate(8 * kMiB);
  LargeBlocks::Free(busy);
  LargeBlocks::Free(unused);
  EXPECT_EQ(calls_, 1);
  EXPECT_TRUE(blocks_.GiveBackUnused());
  EXPECT_EQ(kept_, busy.size + unused.size);
  LargeBlocks::Free(LargeBlocks::Allocate(kMiB));
  EXPECT_TRUE(blocks_.GiveBackUnused());
  EXPECT_EQ(kept_, busy.size);
  EXPECT_FALSE(blocks_.GiveBackUnused());
  EXPECT_EQ(kept_, 0u);
  LargeBlocks::Free(LargeBlocks::Allocate(kMiB));
  EXPECT_EQ(calls_, 2);
}

TEST(LargeBlocksOfNoThread, GoBackAtOnceAndWorkAsWell) {
  LargeBlock block = LargeBlocks::Allocate(kMiB);
  std::memcpy(block.data, "content", 7);
  block = LargeBlocks::Grow(block, 7, 4 * kMiB);
  EXPECT_EQ(std::string(block.data, 7), "content");
  LargeBlocks::Free(block);
}

TEST_F(LargeBlocksTest, ABufferGrowsThroughThem) {
  std::string text;
  for (int i = 0; text.size() < 5 * kMiB; ++i) text += std::to_string(i);
  for (int round = 0; round < 3; ++round) {
    Buffer buffer;
    for (size_t at = 0; at < text.size(); at += 10'007) buffer.Append(std::string_view(text).substr(at, 10'007));
    EXPECT_TRUE(buffer.view() == text);
    Buffer moved = std::move(buffer);
    EXPECT_EQ(buffer.capacity(), 0u);
    EXPECT_TRUE(moved.view() == text);
    moved.Clear();
    moved.Shrink(1000);
    EXPECT_EQ(moved.capacity(), 0u);
    EXPECT_GE(kept_, text.size());
  }
}

}  // namespace
}  // namespace stratus::gateway
