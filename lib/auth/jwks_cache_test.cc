#include "lib/auth/jwks_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "lib/auth/testing/token_maker.h"

namespace stratus::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = KeyLookup::Kind;
using testing::Jwks;
using testing::SharedKey;

class JwksCacheTest : public ::testing::Test {
 protected:
  void Start(const JwksCacheOptions& options = {}) {
    cache_ = JwksCache::Create(&source_, &clock_, options, &generation_,
                               [this](const KeyChange& change) { changes_.push_back(change); });
    cache_->Tick();
  }
  Kind Find(const std::string& key_id) { return cache_->Find(key_id).kind; }
  void Advance(absl::Duration by) {
    clock_.Advance(by);
    cache_->Tick();
  }

  core::ManualClock clock_;
  testing::FakeKeySource source_;
  std::atomic<uint64_t> generation_{0};
  std::vector<KeyChange> changes_;
  std::shared_ptr<JwksCache> cache_;
  const std::string one_ = Jwks({&SharedKey("one")});
  const std::string both_ = Jwks({&SharedKey("one"), &SharedKey("two")});
};

TEST_F(JwksCacheTest, FetchesAtTheStart) {
  source_.Serve(one_);
  Start();
  const KeyLookup found = cache_->Find("one");
  EXPECT_EQ(found.kind, Kind::kFound);
  EXPECT_NE(found.key, nullptr);
  EXPECT_EQ(found.generation, 1u);
  EXPECT_EQ(source_.fetches(), 1);
}

TEST_F(JwksCacheTest, ALazyOneFetchesWhenItIsAskedAndThenAsOthersDo) {
  source_.Serve(one_);
  Start({.lazy = true});
  Advance(absl::Hours(1));
  EXPECT_EQ(source_.fetches(), 0);
  EXPECT_EQ(Find("one"), Kind::kRefreshing);
  EXPECT_EQ(Find("one"), Kind::kFound);
  EXPECT_EQ(source_.fetches(), 1);
  Advance(absl::Minutes(6));
  EXPECT_EQ(source_.fetches(), 2);
}

TEST_F(JwksCacheTest, ALazyIssuerWithoutAKeySetIsRememberedForFiveMinutes) {
  source_.Serve(absl::NotFoundError("HTTP status 403"));
  Start({.lazy = true});
  EXPECT_EQ(Find("one"), Kind::kRefreshing);
  for (int i = 0; i < 299; ++i) {
    for (int forged = 0; forged < 10; ++forged) EXPECT_EQ(Find(absl::StrCat("forged", forged)), Kind::kUnknown);
    Advance(absl::Seconds(1));
  }
  EXPECT_EQ(source_.fetches(), 1);
  EXPECT_EQ(cache_->stats().refresh_failures, 0u) << "nothing has failed";
  source_.Serve(one_);  // the pool has switched
  Advance(absl::Seconds(1));
  EXPECT_EQ(Find("one"), Kind::kRefreshing);
  EXPECT_EQ(Find("one"), Kind::kFound);
}

TEST_F(JwksCacheTest, ALazyIssuersOutageIsNotTakenForAMissingKeySet) {
  source_.Serve(absl::UnavailableError("no route"));
  Start({.lazy = true});
  EXPECT_EQ(Find("one"), Kind::kRefreshing);
  EXPECT_EQ(Find("one"), Kind::kUnavailable);
  source_.Serve(one_);
  clock_.Advance(absl::Minutes(2));
  EXPECT_EQ(Find("one"), Kind::kRefreshing);
  ASSERT_EQ(Find("one"), Kind::kFound);
  source_.Serve(absl::NotFoundError("HTTP status 403"));
  Advance(absl::Minutes(6));
  EXPECT_EQ(Find("one"), Kind::kFound) << "keys that were there go on serving";
}

TEST_F(JwksCacheTest, AnEagerIssuerWithoutAKeySetIsUnavailable) {
  source_.Serve(absl::NotFoundError("HTTP status 404"));
  Start();
  EXPECT_EQ(Find("one"), Kind::kUnavailable);
}

TEST_F(JwksCacheTest, RefreshesEveryFiveMinutesWithJitter) {
  source_.Serve(one_);
  Start();
  for (int round = 1; round <= 5; ++round) {
    Advance(absl::Minutes(4.5) - absl::Milliseconds(1));
    EXPECT_EQ(source_.fetches(), round);
    Advance(absl::Minutes(1) + absl::Milliseconds(1));
    EXPECT_EQ(source_.fetches(), round + 1);
  }
  EXPECT_EQ(cache_->stats().refreshes, 6u);
}

TEST_F(JwksCacheTest, KeepsOneFetchInFlightWhoeverAsks) {
  source_.Hold();
  Start();
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(Find("one"), Kind::kRefreshing);
    EXPECT_EQ(Find(absl::StrCat("bogus", i)), Kind::kRefreshing);
    cache_->Tick();
  }
  EXPECT_EQ(source_.fetches(), 1);
  source_.Release(one_);
  EXPECT_EQ(Find("one"), Kind::kFound);
}

TEST_F(JwksCacheTest, AnUnknownKeyIdBringsTheNewKeyAtOnce) {
  source_.Serve(one_);
  Start();
  source_.Serve(both_);
  EXPECT_EQ(Find("two"), Kind::kRefreshing);
  EXPECT_EQ(Find("two"), Kind::kFound);
  EXPECT_EQ(Find("one"), Kind::kFound);
  EXPECT_EQ(source_.fetches(), 2);
}

TEST_F(JwksCacheTest, AKeyIdTheIssuerDoesNotHaveIsNotAskedForAgainSoon) {
  source_.Serve(one_);
  Start();
  EXPECT_EQ(Find("bogus"), Kind::kRefreshing);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Find("bogus"), Kind::kUnknown);
  EXPECT_EQ(source_.fetches(), 2);
  Advance(absl::Seconds(6));
  EXPECT_EQ(Find("bogus"), Kind::kRefreshing);
  EXPECT_EQ(source_.fetches(), 3);
}

TEST_F(JwksCacheTest, AFloodOfBogusKeyIdsDoesNotHammerTheIssuer) {
  source_.Serve(one_);
  Start();
  for (int second = 0; second < 60; ++second) {
    for (int i = 0; i < 100; ++i) {
      const Kind kind = Find(absl::StrCat("bogus-", second, "-", i));
      EXPECT_TRUE(kind == Kind::kRefreshing || kind == Kind::kUnknown);
    }
    clock_.Advance(absl::Seconds(1));
  }
  EXPECT_LE(source_.fetches(), 1 + 5 + 30);  // the burst, and one every two seconds
}

TEST_F(JwksCacheTest, AFloodOfBogusKeyIdsDoesNotDelayARealRotation) {
  source_.Serve(one_);
  Start();
  for (int i = 0; i < 1000; ++i) Find(absl::StrCat("bogus", i));
  source_.Serve(both_);
  clock_.Advance(absl::Seconds(2));  // one refill of the bucket, whoever takes it
  Find("bogus-again");
  EXPECT_EQ(Find("two"), Kind::kFound);
}

TEST_F(JwksCacheTest, ANegativeEntryDoesNotHoldBackAKeyThatAppears) {
  source_.Serve(one_);
  Start();
  Find("two");
  EXPECT_EQ(Find("two"), Kind::kUnknown);
  source_.Serve(both_);
  Find("bogus");  // any refresh brings it
  EXPECT_EQ(Find("two"), Kind::kFound);
}

TEST_F(JwksCacheTest, BeforeAnyFetchSucceedsKeysAreUnavailable) {
  Start();
  EXPECT_EQ(Find("one"), Kind::kUnavailable);
  EXPECT_EQ(cache_->stats().refresh_failures, 1u);
  EXPECT_FALSE(cache_->stats().age.has_value());
  source_.Serve(one_);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Find("one"), Kind::kRefreshing);  // the call itself may start what is due
  EXPECT_EQ(Find("one"), Kind::kFound);
}

TEST_F(JwksCacheTest, BacksOffWhileFetchesFail) {
  Start();
  int before = source_.fetches();
  EXPECT_EQ(before, 1);
  Advance(absl::Milliseconds(499));
  EXPECT_EQ(source_.fetches(), 1);  // at least half of the first second
  for (int second = 0; second < 600; ++second) Advance(absl::Seconds(1));
  // 1, 2, 4, ... 60 s, each at least halved: never more than this in ten minutes.
  EXPECT_LE(source_.fetches(), 28);
  EXPECT_GE(source_.fetches(), 12);
}

TEST_F(JwksCacheTest, ServesOldKeysThroughAnOutage) {
  JwksCacheOptions options;
  options.stale_max = absl::Hours(2);
  source_.Serve(one_);
  Start(options);
  for (const auto& broken :
       {absl::StatusOr<std::string>(absl::UnavailableError("refused")),
        absl::StatusOr<std::string>("<html>maintenance</html>"), absl::StatusOr<std::string>("{\"keys\":[]}")}) {
    source_.Serve(broken);
    Advance(absl::Minutes(30));
    EXPECT_EQ(Find("one"), Kind::kFound);
  }
  EXPECT_EQ(cache_->stats().refresh_failures, 3u);
  EXPECT_EQ(cache_->stats().age, absl::Minutes(90));
  for (const KeyChange& change : changes_) EXPECT_THAT(change.dropped_keys, IsEmpty());
}

TEST_F(JwksCacheTest, KeysPastTheirLimitAreDroppedAndReported) {
  JwksCacheOptions options;
  options.stale_max = absl::Hours(2);
  source_.Serve(one_);
  Start(options);
  const uint64_t serial = cache_->Find("one").key->serial();
  source_.Serve(absl::UnavailableError("refused"));
  Advance(absl::Hours(1));
  clock_.Advance(absl::Hours(1));
  EXPECT_NE(Find("one"), Kind::kFound);  // even before the tick
  changes_.clear();
  cache_->Tick();
  ASSERT_FALSE(changes_.empty());
  EXPECT_THAT(changes_[0].dropped_keys, ElementsAre(serial));
  EXPECT_EQ(cache_->stats().keys, 0u);
  source_.Serve(one_);
  Advance(absl::Minutes(1));
  EXPECT_EQ(Find("one"), Kind::kFound);
}

TEST_F(JwksCacheTest, AnUnknownKeyDuringAnOutageIsUnavailableNotUnknown) {
  source_.Serve(one_);
  Start();
  source_.Serve(absl::UnavailableError("refused"));
  EXPECT_EQ(Find("two"), Kind::kRefreshing);
  EXPECT_EQ(Find("two"), Kind::kUnavailable);
  EXPECT_EQ(Find("one"), Kind::kFound);
  EXPECT_EQ(source_.fetches(), 2);
}

TEST_F(JwksCacheTest, KeepsAnUnchangedKeyAndReportsADroppedOne) {
  source_.Serve(both_);
  Start();
  const auto one = cache_->Find("one").key;
  const auto two = cache_->Find("two").key;
  changes_.clear();
  Advance(absl::Minutes(6));
  EXPECT_EQ(cache_->Find("one").key, one);
  EXPECT_EQ(cache_->Find("one").generation, 1u);  // nothing changed
  source_.Serve(one_);
  Advance(absl::Minutes(6));
  EXPECT_EQ(cache_->Find("one").key, one);
  EXPECT_EQ(cache_->Find("one").generation, 2u);
  ASSERT_EQ(changes_.size(), 2u);
  EXPECT_THAT(changes_[0].dropped_keys, IsEmpty());
  EXPECT_THAT(changes_[1].dropped_keys, ElementsAre(two->serial()));
}

TEST_F(JwksCacheTest, OtherMaterialUnderTheSameKeyIdIsAnotherKey) {
  source_.Serve(one_);
  Start();
  const auto old = cache_->Find("one").key;
  const testing::SigningKey replaced("one");
  source_.Serve(Jwks({&replaced}));
  changes_.clear();
  Advance(absl::Minutes(6));
  EXPECT_NE(cache_->Find("one").key->serial(), old->serial());
  ASSERT_EQ(changes_.size(), 1u);
  EXPECT_THAT(changes_[0].dropped_keys, ElementsAre(old->serial()));
}

TEST_F(JwksCacheTest, ASourceThatNeverAnswersCountsAsFailedAndItsLateAnswerIsNotHeard) {
  source_.Hold();
  Start();
  EXPECT_EQ(Find("one"), Kind::kRefreshing);
  Advance(absl::Seconds(15));
  EXPECT_EQ(cache_->stats().refresh_failures, 1u);
  EXPECT_EQ(Find("one"), Kind::kUnavailable);
  Advance(absl::Seconds(1));
  EXPECT_EQ(source_.fetches(), 2);
  EXPECT_EQ(source_.held(), 2);
  EXPECT_EQ(Find("one"), Kind::kRefreshing);
  source_.Release(both_);  // the late answer first, then the second fetch's
  EXPECT_EQ(cache_->stats().refreshes, 1u);
  EXPECT_EQ(Find("two"), Kind::kFound);
}

TEST_F(JwksCacheTest, AnAnswerAfterItsEndIsHarmless) {
  source_.Hold();
  Start();
  cache_.reset();
  source_.Release(one_);
  EXPECT_THAT(changes_, IsEmpty());
}

}  // namespace
}  // namespace stratus::auth
