#include "lib/auth/token_memo.h"

#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"

namespace stratus::auth {
namespace {

constexpr uint64_t kOwner = 1;
constexpr uint64_t kGeneration = 1;

const std::string kToken = "header.claims-that-are-long-enough.signature-of-some-length";

void Remember(TokenMemo& memo, const std::string& token, const std::shared_ptr<const Principal>& principal) {
  for (int i = 0; i < 2; ++i) memo.Offer(token, kOwner, kGeneration, principal);
}

std::shared_ptr<const Principal> SomePrincipal() { return std::make_shared<const Principal>(); }

TEST(TokenMemo, FindsTheSameBytesAlone) {
  TokenMemo memo;
  EXPECT_EQ(memo.Find(kToken, kOwner, kGeneration), nullptr);
  const auto principal = SomePrincipal();
  Remember(memo, kToken, principal);
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

TEST(TokenMemo, KeepsATokenThatIsOfferedTwiceInARow) {
  TokenMemo memo;
  memo.Offer(kToken, kOwner, kGeneration, SomePrincipal());
  EXPECT_EQ(memo.Find(kToken, kOwner, kGeneration), nullptr);
  memo.Offer(kToken, kOwner, kGeneration, SomePrincipal());
  EXPECT_NE(memo.Find(kToken, kOwner, kGeneration), nullptr);
  for (int i = 0; i < 1000; ++i) memo.Offer(absl::StrCat(kToken, i, "tail", i), kOwner, kGeneration, SomePrincipal());
  EXPECT_NE(memo.Find(kToken, kOwner, kGeneration), nullptr);  // passers-by do not push it out
}

TEST(TokenMemo, ComparesEveryLength) {
  for (size_t size = 8; size < 64; ++size) {
    TokenMemo memo;
    const std::string token(size, 'a');
    Remember(memo, token, SomePrincipal());
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
  Remember(memo, kToken, SomePrincipal());
  EXPECT_EQ(memo.Find(kToken, kOwner + 1, kGeneration), nullptr);
  EXPECT_EQ(memo.Find(kToken, kOwner, kGeneration + 1), nullptr);
}

TEST(TokenMemo, KeepsNeitherVeryShortNorVeryLongTokens) {
  TokenMemo memo;
  for (const size_t size : {size_t{0}, size_t{7}, TokenMemo::kTokenBytesMax + 1}) {
    const std::string token(size, 'a');
    Remember(memo, token, SomePrincipal());
    EXPECT_EQ(memo.Find(token, kOwner, kGeneration), nullptr) << size;
  }
}

TEST(TokenMemo, HoldsABoundedNumberOfTokens) {
  TokenMemo memo;
  const auto principal = SomePrincipal();
  for (int i = 0; i < 1000; ++i) Remember(memo, absl::StrCat(kToken, i, "tail", i), principal);
  EXPECT_LE(principal.use_count(), static_cast<long>(TokenMemo::kSlots) + 1);
  EXPECT_GT(principal.use_count(), 2);
}

TEST(TokenMemo, EveryThreadHasItsOwn) {
  Remember(TokenMemo::OfThisThread(), kToken, SomePrincipal());
  EXPECT_NE(TokenMemo::OfThisThread().Find(kToken, kOwner, kGeneration), nullptr);
  std::thread([] { EXPECT_EQ(TokenMemo::OfThisThread().Find(kToken, kOwner, kGeneration), nullptr); }).join();
}

}  // namespace
}  // namespace stratus::auth
