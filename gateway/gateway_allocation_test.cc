// A warm gateway's small GET allocates nothing, nor does a call that is answered from the reply cache.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <memory>

#include "gateway/testing/gateway_fixture.h"

extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* at, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
}

namespace {

std::atomic<int> g_allocations{0};
// Initial-exec: reading it must not allocate.
[[gnu::tls_model("initial-exec")]] thread_local bool t_counted = false;

void Count() {
  if (t_counted) g_allocations.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

// Replaces the C library's, which is what operator new and nghttp2 end in: hence a test of its own.
extern "C" {
void* malloc(size_t size) {
  Count();
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  Count();
  return __libc_calloc(count, size);
}
void* realloc(void* at, size_t size) {
  Count();
  return __libc_realloc(at, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  Count();
  return __libc_memalign(alignment, size);
}
}

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

// With a line in the access log, whose buffers grow until they hold the largest batch.
TEST_F(GatewayAllocationTest, ASmallGetAllocatesNothing) {
  options_.authenticator = std::make_shared<MarkingAuthenticator>();
  const int null_fd = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  options_.call_log = std::make_shared<telemetry::CallLog>(telemetry::CallLogOptions{.fd = null_fd});
  Start();
  const auto allocations_of = [this](int requests) {
    const int before = g_allocations;
    for (int i = 0; i < requests; ++i) {
      EXPECT_EQ(client_->Get("/t/items/1?tags=a&count=7", "Authorization: Bearer x\r\n").status, 200);
    }
    return g_allocations - before;
  };
  int allocations = allocations_of(1);
  EXPECT_GT(allocations, 0) << "the first call is counted";
  for (int round = 0; round < 20 && allocations > 0; ++round) allocations = allocations_of(500);
  EXPECT_EQ(allocations, 0);
  gateway_.reset();
  options_.call_log = nullptr;
  ::close(null_fd);
}

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
