// A call that is answered from the reply cache allocates nothing.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>

#include "gateway/testing/gateway_fixture.h"

namespace {

std::atomic<int> g_allocations{0};
thread_local bool t_counted = false;

// Not inline: the compiler would take a `new` freed here for a mistake.
[[gnu::noinline]] void Release(void* memory) { std::free(memory); }

}  // namespace

// Replaces the program's allocator: hence a test of its own.
void* operator new(std::size_t size) {
  if (t_counted) g_allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  std::abort();
}
void operator delete(void* memory) noexcept { Release(memory); }
void operator delete(void* memory, std::size_t) noexcept { Release(memory); }

namespace stratus::gateway {
namespace {

// Lets everyone in as the same client, and marks the worker's thread as the one whose allocations count.
class MarkingAuthenticator final : public auth::Authenticator {
 public:
  MarkingAuthenticator() {
    auto principal = std::make_shared<auth::Principal>();
    principal->client_id = "ann";
    principal->scopes = {"test/read"};
    principal_ = std::move(principal);
  }
  auth::Outcome Check(absl::Span<const std::string_view>, const auth::Policy&) override {
    t_counted = true;
    return {auth::Outcome::Class::kAllowed, principal_, ""};
  }
  void CheckLater(absl::Span<const std::string_view>, const auth::Policy&,
                  std::function<void(auth::Outcome)>) override {}

 private:
  std::shared_ptr<const auth::Principal> principal_;
};

class GatewayAllocationTest : public testing::GatewayFixture {
 protected:
  int AllocationsOfHits(const std::string& target, const std::string& headers, int status) {
    options_.authenticator = std::make_shared<MarkingAuthenticator>();
    Start();
    for (int i = 0; i < 10; ++i) EXPECT_LT(client_->Get(target, headers).status, 400);
    const int before = g_allocations;
    EXPECT_GT(before, 0) << "the first call is counted";
    for (int i = 0; i < 100; ++i) EXPECT_EQ(client_->Get(target, headers).status, status);
    EXPECT_EQ(server_.gets(), 1);
    return g_allocations - before;
  }
};

TEST_F(GatewayAllocationTest, AHitAllocatesNothing) {
  EXPECT_EQ(AllocationsOfHits("/t/found/1?count=5", "Authorization: Bearer x\r\nAccept-Language: vi\r\n", 200), 0);
}

TEST_F(GatewayAllocationTest, AHitThatIsCompressedAllocatesNothing) {
  EXPECT_EQ(AllocationsOfHits("/t/found/1?labels[size]=20000", "Accept-Encoding: gzip\r\n", 200), 0);
}

TEST_F(GatewayAllocationTest, NotModifiedAllocatesNothing) {
  EXPECT_EQ(AllocationsOfHits("/t/found/1", "If-None-Match: *\r\n", 304), 0);
}

}  // namespace
}  // namespace stratus::gateway
