// A small GET through a warm gateway allocates nothing: every malloc of the process is counted, but for those of the
// thread that plays the client. The service is another process, so that gRPC's own are not among them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <memory>
#include <string>

#include "gateway/gateway.h"
#include "gateway/testing/raw_client.h"
#include "gateway/testing/shapes_server.h"
#include "lib/auth/cognito_authenticator.h"
#include "lib/auth/testing/token_maker.h"

extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* at, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
}

namespace {

std::atomic<int> g_allocations{0};
// Initial-exec: reading it must not allocate.
[[gnu::tls_model("initial-exec")]] thread_local bool t_is_client = false;

void Count() {
  if (!t_is_client) g_allocations.fetch_add(1, std::memory_order_relaxed);
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

// A ShapesServer in a process of its own, which ends with this one.
class OtherProcess {
 public:
  OtherProcess() {
    int ends[2];
    if (::pipe(ends) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const testing::ShapesServer server;
      const std::string& address = server.address();
      if (::write(ends[1], address.data(), address.size()) < 0) ::_exit(1);
      ::close(ends[1]);
      while (true) ::pause();
    }
    ::close(ends[1]);
    char text[64];
    ssize_t got;
    while ((got = ::read(ends[0], text, sizeof(text))) > 0) address_.append(text, static_cast<size_t>(got));
    ::close(ends[0]);
  }
  ~OtherProcess() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
  }

  const std::string& address() const { return address_; }

 private:
  pid_t pid_ = -1;
  std::string address_;
};

constexpr char kIssuer[] = "https://issuer.example.com/pool";
constexpr char kClient[] = "client-1";

std::shared_ptr<auth::Authenticator> TokenChecks() {
  auth::CognitoOptions options;
  options.issuer = kIssuer;
  options.client_ids = {kClient};
  auto source = std::make_unique<auth::testing::FakeKeySource>();
  source->Serve(auth::testing::Jwks({&auth::testing::SharedKey("one")}));
  return std::make_shared<auth::CognitoAuthenticator>(options, std::move(source));
}

class SmallGet : public ::testing::Test {
 protected:
  ~SmallGet() override { ::close(access_log_); }

  void SetUp() override {
    ASSERT_FALSE(service_.address().empty());
    t_is_client = true;
    GatewayOptions options;
    options.listen = *core::ParseAddress("127.0.0.1:0");
    options.descriptors = testing::ShapesDescriptors();
    options.config.add_upstreams()->set_address(service_.address());
    options.access_log_fd = access_log_;
    options.authenticator = TokenChecks();
    auto started = Gateway::Start(std::move(options));
    ASSERT_TRUE(started.ok()) << started.status();
    gateway_ = *std::move(started);
    client_ = std::make_unique<testing::RawClient>(gateway_->address().ToString());
    const std::string claims = auth::testing::AccessClaims(kIssuer, kClient, "test/read", absl::Now());
    headers_ =
        "accept: application/json\r\nauthorization: Bearer " + auth::testing::SharedKey("one").Sign(claims) + "\r\n";
  }

  int AllocationsOf(int requests) {
    const int before = g_allocations;
    for (int i = 0; i < requests; ++i) {
      const testing::RawResponse reply = client_->Get("/t/items/1?tags=a&count=7", headers_);
      EXPECT_EQ(reply.status, 200) << reply.body;
    }
    return g_allocations - before;
  }

  OtherProcess service_;  // first: no thread may run when it forks
  const int access_log_ = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  std::string headers_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<testing::RawClient> client_;
};

// With a token that is checked and a line in the access log, whose buffers grow until they hold the largest batch.
TEST_F(SmallGet, AllocatesNothingOnceWarm) {
  EXPECT_GT(AllocationsOf(1), 0) << "the counter sees the gateway's threads";
  int allocations = 1;
  for (int round = 0; round < 20 && allocations > 0; ++round) allocations = AllocationsOf(500);
  EXPECT_EQ(allocations, 0);
}

}  // namespace
}  // namespace stratus::gateway
