// Counts allocations: the paths that every request takes make none once their buffers have grown.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

#include "gateway/transcode/test_schema.h"

namespace {
std::atomic<int64_t> allocations{0};
}  // namespace

// Not inlined: gcc would take the pair of malloc and delete for a mistake.
[[gnu::noinline]] void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* const p = std::malloc(size == 0 ? 1 : size)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept { std::free(p); }

namespace stratus::gateway::transcode {
namespace {

template <typename Work>
int64_t AllocationsOf(Work work) {
  work();  // buffers grow
  const int64_t before = allocations.load();
  for (int i = 0; i < 10; ++i) work();
  return allocations.load() - before;
}

constexpr char kOrder[] =
    R"({"id":"0194b3c2-7e1f-7c3a-9d52-5f0e3a1b2c4d","customerName":"Nguyễn Văn A","createdMillis":"1769860800123",)"
    R"("items":[{"sku":"SKU-1","title":"A thing of some use","quantity":2,"price":4.95,"tags":["garden","summer"]}],)"
    R"("labels":{"channel":"web","campaign":"tet-2026"},"note":"Please ring twice.\nThe bell is \"special\".","gift":true})";

TEST(Transcoding, AllocatesNothingAfterWarmUp) {
  const MessageTable& table = GetTestSchema().Table("transcode.bench.Order");
  Buffer wire;
  Buffer json;
  EXPECT_EQ(AllocationsOf([&] {
              wire.Clear();
              EXPECT_TRUE(JsonToWire(table, kOrder, {}, &wire).ok());
            }),
            0);
  EXPECT_EQ(AllocationsOf([&] {
              json.Clear();
              EXPECT_TRUE(WireToJson(table, wire.view(), {}, &json).ok());
            }),
            0);
  EXPECT_EQ(json.view(), kOrder);
}

TEST(Parameters, AllocateNothingAfterWarmUp) {
  ParameterWriter writer(GetTestSchema().Table("transcode.bench.Now"));
  Buffer wire;
  EXPECT_EQ(
      AllocationsOf([&] {
        wire.Clear();
        EXPECT_TRUE(
            writer.AddQuery("latitude=21.0278&longitude=105.8342&place=Hanoi&condition.text=A+rather+long+one", {}, {})
                .ok());
        EXPECT_TRUE(writer.Flush(&wire).ok());
      }),
      0);
}

}  // namespace
}  // namespace stratus::gateway::transcode
