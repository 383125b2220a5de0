// A check of a token that is remembered allocates nothing: counted by the operators new of this program.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "absl/strings/str_cat.h"
#include "lib/auth/cognito_authenticator.h"
#include "lib/auth/testing/token_maker.h"
#include "lib/auth/token_memo.h"

namespace {

thread_local int g_allocations = 0;

void* Allocate(std::size_t size) {
  ++g_allocations;
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

// Not inline: the compiler would take a `new` freed here for a mistake.
[[gnu::noinline]] void Release(void* memory) { std::free(memory); }

}  // namespace

void* operator new(std::size_t size) { return Allocate(size); }
void* operator new[](std::size_t size) { return Allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++g_allocations;
  return std::malloc(size);
}
void* operator new[](std::size_t size, const std::nothrow_t& tag) noexcept { return operator new(size, tag); }
void operator delete(void* memory) noexcept { Release(memory); }
void operator delete[](void* memory) noexcept { Release(memory); }
void operator delete(void* memory, std::size_t) noexcept { Release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { Release(memory); }

namespace stratus::auth {
namespace {

constexpr char kIssuer[] = "https://issuer.example";

TEST(Allocation, ARememberedTokenCostsNone) {
  core::ManualClock clock;
  const auto& key = testing::SharedKey("one");
  auto source = std::make_unique<testing::FakeKeySource>();
  source->Serve(testing::Jwks({&key}));
  CognitoOptions options;
  options.issuers = {{.issuer = kIssuer, .jwks_url = ""}};
  options.client_ids = {"client"};
  options.background_refresh = false;
  CognitoAuthenticator authenticator(options, std::move(source), clock);
  const Policy policy{.kind = Policy::Kind::kRequired, .any_scope = {"x", "a/read"}, .any_group = {}};

  // More than a thread remembers, so that both caches are used.
  std::vector<std::string> values;
  for (size_t i = 0; i < 4 * TokenMemo::kSlots; ++i) {
    const std::string extra = absl::StrCat(",\"n\":", i);
    values.push_back("Bearer " + key.Sign(testing::AccessClaims(kIssuer, "client", "a/read", clock.Now(), extra)));
  }
  const auto check_all = [&] {
    for (const std::string& value : values) {
      const std::string_view view = value;
      for (int i = 0; i < 3; ++i) {
        if (!authenticator.Check({&view, 1}, policy).allowed()) std::abort();
      }
    }
  };
  check_all();
  const int before = g_allocations;
  EXPECT_GT(before, 0);
  check_all();
  EXPECT_EQ(g_allocations, before);
  EXPECT_EQ(authenticator.stats().checks.cache_misses, values.size());
}

}  // namespace
}  // namespace stratus::auth
