#include "lib/auth/token_memo.h"

#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"

namespace stratus::auth {
namespace {

constexpr uint64_t kOwner = 1;
constexpr uint64_t kGeneration = 1;

const std::string kToken = "header.claims-that-are-long-enough.signature-of-some-length";

std::shared_ptr<const Principal> SomePrincipal() { return std::make_shared<const Principal>(); }

TEST(TokenMemo, FindsTheSameBytesAlone) {
  TokenMemo memo;
  EXPECT_EQ(memo.Find(kToken, kOwner, kGeneration), nullptr);
  const auto principal = SomePrincipal();
  memo.Remember(kToken, kOwner, kGeneration, principal);
  const auto* found = memo.Find(kToken, kOwner, kGeneration);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(*found, principal);
  for (size_t i = 0; i < kToken.size(); ++i) {
    std::string other = kToken;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_EQ(memo.Find(other, kOwner, kGeneration), nullptr) << i;
  }
  EXPECT_EQ(memo.Find(kToken.substr(0, kToken.size() - 1), kOwner, kGeneration), nullptr);
  EXPECT_EQ(memo.Find(kToken + "x", kOwner, kGeneration), nullptr);
  EXPECT_EQ(memo.Find("x" + kToken, kOwner, kGeneration), nullptr);
}

TEST(TokenMemo, ComparesEveryLength) {
  for (size_t size = 8; size < 64; ++size) {
    TokenMemo memo;
    const std::string token(size, 'a');
    memo.Remember(token, kOwner, kGeneration, SomePrincipal());
    EXPECT_NE(memo.Find(token, kOwner, kGeneration), nullptr);
    for (size_t i = 0; i < size; ++i) {
      std::string other = token;
      other[i] = 'b';
      EXPECT_EQ(memo.Find(other, kOwner, kGeneration), nullptr) << size << " " << i;
    }
  }
}

TEST(TokenMemo, AnotherOwnerOrGenerationFindsNothing) {
  TokenMemo memo;
  memo.Remember(kToken, kOwner, kGeneration, SomePrincipal());
  EXPECT_EQ(memo.Find(kToken, kOwner + 1, kGeneration), nullptr);
  EXPECT_EQ(memo.Find(kToken, kOwner, kGeneration + 1), nullptr);
}

TEST(TokenMemo, KeepsNeitherVeryShortNorVeryLongTokens) {
  TokenMemo memo;
  for (const size_t size : {size_t{0}, size_t{7}, TokenMemo::kTokenBytesMax + 1}) {
    const std::string token(size, 'a');
    memo.Remember(token, kOwner, kGeneration, SomePrincipal());
    EXPECT_EQ(memo.Find(token, kOwner, kGeneration), nullptr) << size;
  }
}

TEST(TokenMemo, HoldsABoundedNumberOfTokens) {
  TokenMemo memo;
  const auto principal = SomePrincipal();
  for (int i = 0; i < 1000; ++i) memo.Remember(absl::StrCat(kToken, i, "tail", i), kOwner, kGeneration, principal);
  EXPECT_LE(principal.use_count(), static_cast<long>(TokenMemo::kSlots) + 1);
  EXPECT_GT(principal.use_count(), 2);
}

TEST(TokenMemo, EveryThreadHasItsOwn) {
  TokenMemo::OfThisThread().Remember(kToken, kOwner, kGeneration, SomePrincipal());
  EXPECT_NE(TokenMemo::OfThisThread().Find(kToken, kOwner, kGeneration), nullptr);
  std::thread([] { EXPECT_EQ(TokenMemo::OfThisThread().Find(kToken, kOwner, kGeneration), nullptr); }).join();
}

}  // namespace
}  // namespace stratus::auth
