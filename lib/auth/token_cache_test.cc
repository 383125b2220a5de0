#include "lib/auth/token_cache.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace stratus::auth {
namespace {

constexpr uint64_t kKey = 7;
constexpr uint64_t kOtherKey = 8;

TokenDigest Digest(int i) { return TokenDigest::Of(absl::StrCat("token", i)); }

std::shared_ptr<const Principal> Named(const std::string& subject) {
  auto principal = std::make_shared<Principal>();
  principal->subject = subject;
  return principal;
}

TEST(TokenCache, FindsWhatWasPutInByTheWholeTokenAlone) {
  TokenCache cache(64);
  cache.Insert(TokenDigest::Of("a.b.c"), Named("me"), kKey, 0);
  ASSERT_NE(cache.Find(TokenDigest::Of("a.b.c")), nullptr);
  EXPECT_EQ(cache.Find(TokenDigest::Of("a.b.c"))->subject, "me");
  for (const char* other : {"a.b.C", "a.b.c ", "a.b.", "", "x.b.c"}) {
    EXPECT_EQ(cache.Find(TokenDigest::Of(other)), nullptr) << other;
  }
}

TEST(TokenCache, TheDigestIsSha256) {
  const TokenDigest digest = TokenDigest::Of("abc");
  EXPECT_EQ(absl::BytesToHexString(
                absl::string_view(reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size())),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(TokenCache, StaysWithinItsBound) {
  TokenCache cache(64);
  for (int i = 0; i < 10000; ++i) cache.Insert(Digest(i), Named("x"), kKey, 0);
  EXPECT_LE(cache.size(), 64u);
  EXPECT_GT(cache.size(), 32u);
}

TEST(TokenCache, TheLeastRecentlyUsedGoesFirst) {
  TokenCache cache(64);  // four a shard
  cache.Insert(Digest(0), Named("kept"), kKey, 0);
  for (int i = 1; i < 5000; ++i) {
    cache.Insert(Digest(i), Named("x"), kKey, 0);
    ASSERT_NE(cache.Find(Digest(0)), nullptr) << i;
  }
  for (int i = 5000; i < 10000; ++i) cache.Insert(Digest(i), Named("x"), kKey, 0);
  EXPECT_EQ(cache.Find(Digest(0)), nullptr);
}

TEST(TokenCache, ADroppedKeyTakesItsTokensAlong) {
  TokenCache cache(1024);
  for (int i = 0; i < 100; ++i) cache.Insert(Digest(i), Named("x"), i % 2 == 0 ? kKey : kOtherKey, 0);
  const uint64_t dropped[] = {kKey};
  cache.DropKeys(dropped, 1);
  EXPECT_EQ(cache.size(), 50u);
  EXPECT_EQ(cache.Find(Digest(0)), nullptr);
  EXPECT_NE(cache.Find(Digest(1)), nullptr);
  EXPECT_EQ(cache.generation(), 1u);
}

TEST(TokenCache, ATokenVerifiedBeforeTheKeysChangedComesTooLate) {
  TokenCache cache(64);
  const uint64_t dropped[] = {kKey};
  cache.DropKeys(dropped, 2);
  cache.Insert(Digest(1), Named("x"), kKey, 1);
  EXPECT_EQ(cache.Find(Digest(1)), nullptr);
  cache.Insert(Digest(1), Named("x"), kOtherKey, 2);
  EXPECT_NE(cache.Find(Digest(1)), nullptr);
}

TEST(TokenCache, ReportsThatComeInTheWrongOrderDoNotTakeTheGenerationBack) {
  TokenCache cache(64);
  cache.DropKeys({}, 3);
  cache.DropKeys({}, 2);
  EXPECT_EQ(cache.generation(), 3u);
}

TEST(TokenCache, ErasesOne) {
  TokenCache cache(64);
  cache.Insert(Digest(1), Named("x"), kKey, 0);
  cache.Insert(Digest(1), Named("y"), kKey, 0);
  EXPECT_EQ(cache.size(), 1u);
  cache.Erase(Digest(1));
  cache.Erase(Digest(1));
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_EQ(cache.Find(Digest(1)), nullptr);
}

}  // namespace
}  // namespace stratus::auth
