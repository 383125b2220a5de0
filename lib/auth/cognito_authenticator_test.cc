#include "lib/auth/cognito_authenticator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "absl/strings/str_cat.h"
#include "lib/auth/testing/token_maker.h"
#include "lib/core/status.h"

namespace stratus::auth {
namespace {

using Class = Outcome::Class;
using testing::AccessClaims;
using testing::FakeKeySource;
using testing::Jwks;
using testing::SharedKey;
using testing::SigningKey;

constexpr char kIssuer[] = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12";
constexpr char kClient[] = "2lh1example";

Policy Needs(std::vector<std::string> scopes, std::vector<std::string> groups = {}) {
  return {.kind = Policy::Kind::kRequired, .any_scope = std::move(scopes), .any_group = std::move(groups)};
}

CognitoOptions TestOptions() {
  CognitoOptions options;
  options.issuers = {{.issuer = kIssuer, .jwks_url = ""}};
  options.client_ids = {kClient};
  options.background_refresh = false;
  return options;
}

class CognitoAuthenticatorTest : public ::testing::Test {
 protected:
  void Start(CognitoOptions options = TestOptions()) {
    auto source = std::make_unique<FakeKeySource>();
    source_ = source.get();
    if (!document_.empty()) source_->Serve(document_);
    if (holding_) source_->Hold();
    authenticator_ = std::make_unique<CognitoAuthenticator>(std::move(options), std::move(source), clock_);
  }

  Outcome CheckValue(const std::string& value, const Policy& policy) {
    const std::string_view view = value;
    return authenticator_->Check({&view, 1}, policy);
  }
  Outcome Check(const std::string& token) { return CheckValue("Bearer " + token, policy_); }

  std::future<Outcome> CheckLater(const std::string& token) {
    auto promise = std::make_shared<std::promise<Outcome>>();
    const std::string value = "Bearer " + token;
    const std::string_view view = value;
    authenticator_->CheckLater({&view, 1}, policy_, [promise](Outcome outcome) { promise->set_value(outcome); });
    return promise->get_future();
  }

  std::string Token(const SigningKey& key, std::string_view scope = "a/read") {
    return key.Sign(AccessClaims(kIssuer, kClient, scope, clock_.Now()));
  }

  core::ManualClock clock_;
  const SigningKey& key_ = SharedKey("one");
  const SigningKey& other_ = SharedKey("two");
  const Policy policy_ = Needs({"a/read"});
  std::string document_ = Jwks({&key_});
  bool holding_ = false;
  FakeKeySource* source_ = nullptr;
  std::unique_ptr<CognitoAuthenticator> authenticator_;
};

TEST_F(CognitoAuthenticatorTest, AllowsAGoodTokenAndSaysWhoItSpeaksFor) {
  Start();
  const Outcome outcome = Check(Token(key_, "b/write a/read"));
  ASSERT_TRUE(outcome.allowed()) << outcome.reason;
  ASSERT_NE(outcome.principal, nullptr);
  EXPECT_EQ(outcome.principal->issuer, kIssuer);
  EXPECT_EQ(outcome.principal->client_id, kClient);
  EXPECT_EQ(outcome.principal->subject, kClient);
  EXPECT_EQ(outcome.principal->tenant, kClient);
  EXPECT_THAT(outcome.principal->scopes, ::testing::ElementsAre("a/read", "b/write"));
  EXPECT_EQ(outcome.principal->expires, clock_.Now() + absl::Hours(1));
}

constexpr char kSecondOfPool[] = "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12";
constexpr char kPartner[] = "https://login.partner.example";

// A pool with its two issuers, and a partner's.
class SeveralIssuersTest : public ::testing::Test {
 protected:
  void Start() {
    CognitoOptions options = TestOptions();
    options.issuers.push_back({.issuer = kSecondOfPool, .jwks_url = "", .identity = kIssuer, .lazy = true});
    options.issuers.push_back({.issuer = kPartner, .jwks_url = ""});
    options.claims.tenant = "org";
    std::vector<std::unique_ptr<KeySource>> sources;
    for (FakeKeySource*& source : sources_) {
      auto made = std::make_unique<FakeKeySource>();
      source = made.get();
      sources.push_back(std::move(made));
    }
    sources_[0]->Serve(Jwks({&SharedKey("one")}));
    sources_[1]->Serve(Jwks({&SharedKey("two")}));
    sources_[2]->Serve(Jwks({&SharedKey("three")}));
    authenticator_ = std::make_unique<CognitoAuthenticator>(std::move(options), std::move(sources), clock_);
  }

  Outcome Check(const SigningKey& key, std::string_view issuer, std::string_view org = "acme") {
    const std::string claims =
        AccessClaims(issuer, kClient, "a/read", clock_.Now(), absl::StrCat(R"(,"org":")", core::ToAbsl(org), "\""));
    const std::string value = "Bearer " + key.Sign(claims);
    const std::string_view view = value;
    Outcome outcome = authenticator_->Check({&view, 1}, policy_);
    // A lazy issuer's first token waits for its keys, which the fake source gives at once.
    return outcome.pending() ? authenticator_->Check({&view, 1}, policy_) : outcome;
  }

  core::ManualClock clock_;
  const Policy policy_ = Needs({"a/read"});
  FakeKeySource* sources_[3] = {};
  std::unique_ptr<CognitoAuthenticator> authenticator_;
};

TEST_F(SeveralIssuersTest, TokensOfEachCountAndAPoolsTwoAreOne) {
  Start();
  const Outcome first = Check(SharedKey("one"), kIssuer);
  const Outcome second = Check(SharedKey("two"), kSecondOfPool);
  const Outcome partner = Check(SharedKey("three"), kPartner);
  ASSERT_TRUE(first.allowed() && second.allowed() && partner.allowed()) << second.reason;
  EXPECT_EQ(first.principal->issuer, kIssuer);
  EXPECT_EQ(second.principal->issuer, kIssuer);
  EXPECT_EQ(second.principal->tenant, first.principal->tenant);
  EXPECT_EQ(first.principal->tenant, "acme");
  EXPECT_EQ(partner.principal->issuer, kPartner);
  EXPECT_EQ(partner.principal->tenant, "acme@https://login.partner.example");
}

TEST_F(SeveralIssuersTest, AKeyCountsForItsOwnIssuerAlone) {
  Start();
  const char* issuers[] = {kIssuer, kSecondOfPool, kPartner};
  const char* keys[] = {"one", "two", "three"};
  for (int issuer = 0; issuer < 3; ++issuer) {
    for (int key = 0; key < 3; ++key) {
      EXPECT_EQ(Check(SharedKey(keys[key]), issuers[issuer]).allowed(), key == issuer) << issuer << key;
    }
  }
  EXPECT_EQ(Check(SharedKey("one"), "https://nobody.example").result, Class::kBadToken);
}

TEST_F(SeveralIssuersTest, NoTenantCanBeTakenForAnotherIssuers) {
  Start();
  const Outcome posing = Check(SharedKey("one"), kIssuer, "acme@https://login.partner.example");
  EXPECT_EQ(posing.result, Class::kBadToken);
  EXPECT_TRUE(Check(SharedKey("one"), kIssuer, "acme@elsewhere").allowed());
}

TEST_F(SeveralIssuersTest, ForgedTokensOfAnIssuerThatIsNotThereCostOneFetch) {
  Start();
  sources_[1]->Serve(absl::NotFoundError("HTTP status 403"));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Check(SharedKey("one"), kSecondOfPool).result, Class::kBadToken);
  EXPECT_EQ(sources_[1]->fetches(), 1);
}

TEST_F(SeveralIssuersTest, ADroppedKeyOfOneForgetsItsTokensAndNoOthers) {
  Start();
  ASSERT_TRUE(Check(SharedKey("one"), kIssuer).allowed());
  ASSERT_TRUE(Check(SharedKey("three"), kPartner).allowed());
  sources_[2]->Serve(Jwks({&SharedKey("two")}));
  clock_.Advance(absl::Minutes(6));
  authenticator_->Tick();
  EXPECT_FALSE(Check(SharedKey("three"), kPartner).allowed());
  EXPECT_TRUE(Check(SharedKey("two"), kPartner).allowed());
  EXPECT_TRUE(Check(SharedKey("one"), kIssuer).allowed());
}

TEST_F(CognitoAuthenticatorTest, PublicMethodsNeedNoTokenAndLookAtNone) {
  Start();
  const Policy open{.kind = Policy::Kind::kPublic, .any_scope = {}, .any_group = {}};
  EXPECT_TRUE(authenticator_->Check({}, open).allowed());
  const Outcome outcome = CheckValue("Bearer nonsense", open);
  EXPECT_TRUE(outcome.allowed());
  EXPECT_EQ(outcome.principal, nullptr);
}

TEST_F(CognitoAuthenticatorTest, AnIntegerOfManyDigitsInAnUnrelatedClaimIsNoFault) {
  Start();
  for (const char* extra : {R"(,"serial":123456789012345678901234567890)", R"(,"low":-99999999999999999999)",
                            R"(,"list":[18446744073709551616,{"a":18446744073709551616}])"}) {
    const Outcome outcome = Check(key_.Sign(AccessClaims(kIssuer, kClient, "a/read", clock_.Now(), extra)));
    EXPECT_TRUE(outcome.allowed()) << extra << ": " << outcome.reason;
  }
  for (const char* bad : {R"(,"serial":0123456789012345678901)", R"(,"serial":123456789012345678901x)"}) {
    EXPECT_EQ(Check(key_.Sign(AccessClaims(kIssuer, kClient, "a/read", clock_.Now(), bad))).result, Class::kBadToken)
        << bad;
  }
}

TEST_F(CognitoAuthenticatorTest, MethodsWithoutARuleAreDeniedToEveryone) {
  Start();
  EXPECT_EQ(CheckValue("Bearer " + Token(key_), Policy{}).result, Class::kDenied);
  EXPECT_EQ(authenticator_->Check({}, Policy{}).result, Class::kDenied);
}

TEST_F(CognitoAuthenticatorTest, NoTokenAndSeveralValuesAreClassesOfTheirOwn) {
  Start();
  EXPECT_EQ(authenticator_->Check({}, policy_).result, Class::kNoToken);
  EXPECT_EQ(CheckValue("Basic dTpw", policy_).result, Class::kNoToken);
  const std::string value = "Bearer " + Token(key_);
  const std::string_view twice[] = {value, value};
  EXPECT_EQ(authenticator_->Check(twice, policy_).result, Class::kMalformedRequest);
}

TEST_F(CognitoAuthenticatorTest, AGoodTokenWithoutTheScopeIsRefusedFreshAndFromTheCache) {
  Start();
  const std::string token = Token(key_, "a/other");
  for (int i = 0; i < 3; ++i) {
    const Outcome outcome = Check(token);
    EXPECT_EQ(outcome.result, Class::kInsufficientScope);
    ASSERT_NE(outcome.principal, nullptr);
  }
  EXPECT_TRUE(CheckValue("Bearer " + token, Needs({"a/other"})).allowed());
}

TEST_F(CognitoAuthenticatorTest, AnswersFromTheCacheUntilTheTokenExpires) {
  Start();
  const std::string token = Token(key_);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(Check(token).allowed());
  EXPECT_EQ(authenticator_->stats().checks.cache_misses, 1u);
  EXPECT_EQ(authenticator_->stats().checks.cache_hits, 3u);
  EXPECT_EQ(authenticator_->stats().cached_tokens, 1u);
  clock_.Advance(absl::Hours(1) + absl::Seconds(29));
  EXPECT_TRUE(Check(token).allowed());  // within the skew
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Check(token).result, Class::kBadToken);
  EXPECT_STREQ(Check(token).reason, "expired");
  EXPECT_EQ(authenticator_->stats().cached_tokens, 0u);
}

TEST_F(CognitoAuthenticatorTest, AnExpiredTokenIsRefusedOnEveryThreadThatSawItGood) {
  Start();
  const std::string token = Token(key_);
  ASSERT_TRUE(Check(token).allowed());
  std::promise<void> warmed;
  std::promise<void> expired;
  std::thread other([&] {
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(Check(token).allowed());
    warmed.set_value();
    expired.get_future().wait();
    EXPECT_EQ(Check(token).result, Class::kBadToken);
  });
  warmed.get_future().wait();
  clock_.Advance(absl::Hours(2));
  expired.set_value();
  other.join();
}

TEST_F(CognitoAuthenticatorTest, ARefreshThatDropsAKeyEndsTheCachedTokensItSigned) {
  document_ = Jwks({&key_, &other_});
  Start();
  const std::string dropped = Token(key_);
  const std::string kept = Token(other_);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(Check(dropped).allowed());
    ASSERT_TRUE(Check(kept).allowed());
  }
  source_->Serve(Jwks({&other_}));
  clock_.Advance(absl::Minutes(6));
  authenticator_->Tick();
  EXPECT_EQ(authenticator_->stats().cached_tokens, 1u);
  EXPECT_EQ(Check(dropped).result, Class::kPending);  // an unknown key id by now, asked for once more
  EXPECT_EQ(Check(dropped).result, Class::kBadToken);
  EXPECT_TRUE(Check(kept).allowed());
}

TEST_F(CognitoAuthenticatorTest, AKeyReplacedUnderTheSameIdEndsTheTokensOfTheOldOne) {
  const SigningKey replaced("one");
  Start();
  const std::string token = Token(key_);
  ASSERT_TRUE(Check(token).allowed());
  source_->Serve(Jwks({&replaced}));
  clock_.Advance(absl::Minutes(6));
  authenticator_->Tick();
  EXPECT_EQ(Check(token).result, Class::kBadToken);
  EXPECT_STREQ(Check(token).reason, "signature does not verify");
  EXPECT_TRUE(Check(Token(replaced)).allowed());
}

TEST_F(CognitoAuthenticatorTest, ATokenOfANewKeyWaitsForOneRefreshAndIsAllowed) {
  Start();
  ASSERT_TRUE(Check(Token(key_)).allowed());
  source_->Hold();
  const std::string token = Token(other_);
  EXPECT_TRUE(Check(token).pending());
  std::vector<std::future<Outcome>> outcomes;
  for (int i = 0; i < 20; ++i) outcomes.push_back(CheckLater(token));
  EXPECT_TRUE(Check(Token(key_)).allowed());  // nobody else waits
  EXPECT_EQ(source_->fetches(), 2);
  source_->Release(Jwks({&key_, &other_}));
  for (auto& outcome : outcomes) EXPECT_TRUE(outcome.get().allowed());
  EXPECT_EQ(source_->fetches(), 2);
}

TEST_F(CognitoAuthenticatorTest, ABogusKeyIdIsABadTokenAfterTheRefresh) {
  Start();
  source_->Hold();
  const std::string token = Token(other_);
  ASSERT_TRUE(Check(token).pending());
  auto outcome = CheckLater(token);
  source_->Release(Jwks({&key_}));
  EXPECT_EQ(outcome.get().result, Class::kBadToken);
}

TEST_F(CognitoAuthenticatorTest, BeforeTheFirstFetchCallsWaitAndThenAreDecided) {
  holding_ = true;
  Start();
  EXPECT_FALSE(authenticator_->has_keys());
  ASSERT_TRUE(Check(Token(key_)).pending());
  auto good = CheckLater(Token(key_));
  auto bad = CheckLater("a.b.c");
  source_->Release(Jwks({&key_}));
  EXPECT_TRUE(good.get().allowed());
  EXPECT_EQ(bad.get().result, Class::kBadToken);
  EXPECT_TRUE(authenticator_->has_keys());
}

TEST_F(CognitoAuthenticatorTest, KeysThatWereNeverFetchedAreUnavailableNotUnauthenticated) {
  document_.clear();
  Start();
  EXPECT_EQ(Check(Token(key_)).result, Class::kUnavailable);
  EXPECT_EQ(CheckLater(Token(key_)).get().result, Class::kUnavailable);
  source_->Serve(Jwks({&key_}));
  clock_.Advance(absl::Seconds(2));
  authenticator_->Tick();
  EXPECT_TRUE(Check(Token(key_)).allowed());
}

TEST_F(CognitoAuthenticatorTest, OldKeysServeThroughAnOutageUpToTheirLimitAndSoDoCachedTokens) {
  CognitoOptions options = TestOptions();
  options.jwks.stale_max = absl::Minutes(30);
  Start(options);
  const std::string token = Token(key_);
  ASSERT_TRUE(Check(token).allowed());
  source_->Serve(absl::UnavailableError("connection refused"));
  clock_.Advance(absl::Minutes(20));
  authenticator_->Tick();
  EXPECT_TRUE(Check(token).allowed());
  EXPECT_TRUE(Check(Token(key_)).allowed());
  EXPECT_EQ(Check(Token(other_)).result, Class::kUnavailable);  // cannot be told from a bogus one: not a 401
  clock_.Advance(absl::Minutes(10));
  authenticator_->Tick();
  EXPECT_EQ(Check(token).result, Class::kUnavailable);
  EXPECT_EQ(authenticator_->stats().cached_tokens, 0u);
}

TEST_F(CognitoAuthenticatorTest, PastItsLimitOfWaitingCallsItAnswersUnavailableAtOnce) {
  CognitoOptions options = TestOptions();
  options.waiting_max = 2;
  holding_ = true;
  Start(options);
  auto first = CheckLater(Token(key_));
  auto second = CheckLater(Token(key_));
  EXPECT_EQ(CheckLater(Token(key_)).get().result, Class::kUnavailable);
  source_->Release(Jwks({&key_}));
  EXPECT_TRUE(first.get().allowed());
  EXPECT_TRUE(second.get().allowed());
}

TEST_F(CognitoAuthenticatorTest, ACallWaitsUntilItIsAnsweredAlsoWhileOthersAre) {
  holding_ = true;
  Start();
  std::vector<std::promise<size_t>> waiting(2);
  for (auto& counted : waiting) {
    const std::string value = "Bearer " + Token(key_);
    const std::string_view view = value;
    authenticator_->CheckLater({&view, 1}, policy_,
                               [&](const Outcome&) { counted.set_value(authenticator_->stats().waiting); });
  }
  source_->Release(Jwks({&key_}));
  // Which of them comes first is not promised.
  const std::vector<size_t> counts = {waiting[0].get_future().get(), waiting[1].get_future().get()};
  EXPECT_THAT(counts, ::testing::UnorderedElementsAre(1, 0));
}

TEST_F(CognitoAuthenticatorTest, CallsThatWaitAtShutdownAreAnswered) {
  holding_ = true;
  Start();
  auto waiting = CheckLater(Token(key_));
  authenticator_.reset();
  EXPECT_EQ(waiting.get().result, Class::kUnavailable);
}

TEST_F(CognitoAuthenticatorTest, CheckLaterDecidesWhatIsNotPendingToo) {
  Start();
  EXPECT_TRUE(CheckLater(Token(key_)).get().allowed());
  EXPECT_EQ(CheckLater("a.b.c").get().result, Class::kBadToken);
  std::promise<Outcome> none;
  authenticator_->CheckLater({}, policy_, [&](Outcome outcome) { none.set_value(outcome); });
  EXPECT_EQ(none.get_future().get().result, Class::kNoToken);
}

TEST_F(CognitoAuthenticatorTest, OneAuthenticatorsTokensAreNotAnothers) {
  Start();
  const std::string token = Token(key_);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Check(token).allowed());
  CognitoOptions options = TestOptions();
  options.client_ids = {"another-client"};
  auto source = std::make_unique<FakeKeySource>();
  source->Serve(document_);
  CognitoAuthenticator strict(options, std::move(source), clock_);
  const std::string value = "Bearer " + token;
  const std::string_view view = value;
  EXPECT_EQ(strict.Check({&view, 1}, policy_).result, Class::kBadToken);
}

TEST_F(CognitoAuthenticatorTest, CountsChecksByClass) {
  Start();
  Check(Token(key_));
  Check(Token(key_, "a/other"));
  Check("a.b.c");
  (void)authenticator_->Check({}, policy_);
  const auto stats = authenticator_->stats();
  const auto count = [&](Class result) { return stats.checks.outcomes[static_cast<size_t>(result)]; };
  EXPECT_EQ(count(Class::kAllowed), 1u);
  EXPECT_EQ(count(Class::kInsufficientScope), 1u);
  EXPECT_EQ(count(Class::kBadToken), 1u);
  EXPECT_EQ(count(Class::kNoToken), 1u);
  EXPECT_EQ(stats.keys.refreshes, 1u);
  EXPECT_EQ(stats.keys.keys, 1u);
  EXPECT_EQ(stats.keys.age, absl::ZeroDuration());
}

TEST_F(CognitoAuthenticatorTest, ThreadsAndRotationsTogetherLetNoDroppedKeyThrough) {
  document_ = Jwks({&key_, &other_});
  CognitoOptions options = TestOptions();
  options.clock_skew = absl::Hours(24);  // the clock moves on by more than a token's life
  Start(options);
  const std::string stable = Token(other_);
  const std::string rotating = Token(key_);
  std::atomic<bool> stop{false};
  std::atomic<int> checks{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!stop.load()) {
        EXPECT_TRUE(Check(stable).allowed());
        (void)Check(rotating);
        checks.fetch_add(1);
      }
    });
  }
  for (int round = 0; round < 20; ++round) {
    const int before = checks.load();
    while (checks.load() < before + 50) std::this_thread::yield();
    const uint64_t refreshes = authenticator_->stats().keys.refreshes;
    uint64_t failures = authenticator_->stats().keys.refresh_failures;
    source_->Serve(round % 2 == 0 ? Jwks({&other_}) : Jwks({&key_, &other_}));
    clock_.Advance(absl::Minutes(6));
    authenticator_->Tick();
    // A thread may have begun the refresh, for its unknown key: then it ends there. If the clock passed over that one's
    // time to answer it counts as failed, and the next is due only after a pause.
    while (authenticator_->stats().keys.refreshes == refreshes) {
      std::this_thread::yield();
      const uint64_t now_failed = authenticator_->stats().keys.refresh_failures;
      if (now_failed == failures) continue;
      failures = now_failed;
      clock_.Advance(absl::Minutes(6));
      authenticator_->Tick();
    }
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  source_->Serve(Jwks({&other_}));
  clock_.Advance(absl::Minutes(6));
  authenticator_->Tick();
  EXPECT_FALSE(Check(rotating).allowed());
  EXPECT_TRUE(Check(stable).allowed());
}

}  // namespace
}  // namespace stratus::auth
