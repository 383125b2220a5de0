#include "gateway/loop/memory_pool.h"

#include <cstdint>
#include <cstring>
#include <string>

#include "gtest/gtest.h"

namespace stratus::gateway {
namespace {

TEST(MemoryPool, GivesABlockOfTheSameClassAgain) {
  MemoryPool pool;
  void* first = pool.Allocate(100);
  pool.Free(first);
  EXPECT_EQ(pool.Allocate(128), first);
  void* other = pool.Allocate(100);
  EXPECT_NE(other, first);
  pool.Free(first);
  pool.Free(other);
}

TEST(MemoryPool, KeepsTheContentWhenABlockGrows) {
  MemoryPool pool;
  void* at = pool.Allocate(10);
  std::memcpy(at, "123456789", 10);
  EXPECT_EQ(pool.Reallocate(at, 32), at);
  for (const size_t size : {100, 5000, 100000, 1000000}) {
    at = pool.Reallocate(at, size);
    EXPECT_STREQ(static_cast<char*>(at), "123456789");
  }
  pool.Free(at);
}

TEST(MemoryPool, ZeroesForCalloc) {
  MemoryPool pool;
  void* dirty = pool.Allocate(64);
  std::memset(dirty, 0xff, 64);
  pool.Free(dirty);
  nghttp2_mem* memory = pool.nghttp2();
  auto* bytes = static_cast<char*>(memory->calloc(8, 8, memory->mem_user_data));
  EXPECT_EQ(std::string(bytes, 64), std::string(64, '\0'));
  pool.Free(bytes);
}

TEST(MemoryPool, RefusesSizesThatOverflow) {
  MemoryPool pool;
  nghttp2_mem* memory = pool.nghttp2();
  EXPECT_EQ(memory->calloc(SIZE_MAX / 2, 4, memory->mem_user_data), nullptr);
  EXPECT_EQ(memory->malloc(SIZE_MAX, memory->mem_user_data), nullptr);
}

}  // namespace
}  // namespace stratus::gateway
