// Tokens of Cognito user pools, or of issuers shaped like one.
//
//   std::vector<std::unique_ptr<KeySource>> sources;  // one an issuer, in the options' order
//   sources.push_back(std::make_unique<HttpKeySource>(&http_client, options.issuers[0].jwks_url));
//   CognitoAuthenticator authenticator(options, std::move(sources));
//   ... authenticator.Check(values, policy_table.Find(path))
#pragma once

#include <atomic>
#include <bitset>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "lib/auth/authenticator.h"
#include "lib/auth/check_counters.h"
#include "lib/auth/jwks_cache.h"
#include "lib/auth/key_source.h"
#include "lib/auth/options.h"
#include "lib/auth/token_cache.h"
#include "lib/auth/verifier.h"
#include "lib/core/clock.h"
#include "lib/core/mutex.h"

namespace stratus::auth {

class CognitoAuthenticator final : public Authenticator {
 public:
  struct Stats {
    CheckCounters::Totals checks;
    size_t cached_tokens = 0;
    size_t waiting = 0;     // CheckLater calls that are not decided yet
    JwksCache::Stats keys;  // of all issuers together; `age` is the greatest
  };

  // Starts fetching keys, but those of lazy issuers. `sources` holds one an issuer. `clock` outlives the authenticator.
  CognitoAuthenticator(CognitoOptions options, std::vector<std::unique_ptr<KeySource>> sources,
                       const core::Clock& clock = core::Clock::Real());
  // For one issuer.
  CognitoAuthenticator(CognitoOptions options, std::unique_ptr<KeySource> source,
                       const core::Clock& clock = core::Clock::Real());
  // Calls that still wait get kUnavailable before this returns.
  ~CognitoAuthenticator() override;
  CognitoAuthenticator(const CognitoAuthenticator&) = delete;
  CognitoAuthenticator& operator=(const CognitoAuthenticator&) = delete;

  // From the cache without an allocation.
  Outcome Check(absl::Span<const std::string_view> authorization, const Policy& policy) override;

  // `done` runs on the authenticator's own thread and must not block. It runs at once on the caller's when there is not
  // exactly one value (never pending), and, with kUnavailable, when options.waiting_max calls wait already.
  void CheckLater(absl::Span<const std::string_view> authorization, const Policy& policy,
                  std::function<void(Outcome)> done) override;

  // Starts what is due by the clock, as the authenticator's thread does about once a second. For tests that move time.
  void Tick();

  // Whether any issuer's key set has been fetched: readiness.
  bool has_keys() const { return stats().keys.keys > 0; }

  // From any thread.
  Stats stats() const;

 private:
  using IssuerSet = std::bitset<kIssuersMax>;

  struct Waiter {
    std::string authorization;
    Policy policy;
    std::function<void(Outcome)> done;
    size_t issuer = 0;  // whose keys it waits for, once it is parked
    int refreshes_seen = 0;
  };
  struct Issuer {
    std::string identity;
    std::string tenant_suffix;  // what keeps its tenants apart from those of the first identity; empty for that one
    std::unique_ptr<KeySource> source;
    std::shared_ptr<JwksCache> keys;
  };

  // `issuer` is set when the outcome is pending: whose keys are being fetched.
  Outcome Decide(absl::Span<const std::string_view> authorization, const Policy& policy, size_t* issuer);
  Outcome DecideToken(std::string_view token, const Policy& policy, size_t* issuer);
  std::shared_ptr<const Principal> FindVerified(std::string_view token, std::optional<TokenDigest>* digest);
  Outcome VerifyInFull(std::string_view token, const TokenDigest& digest, size_t* issuer);
  // Null when its tenant could be taken for another issuer's.
  std::shared_ptr<const Principal> PrincipalOf(TokenClaims claims, const Issuer& issuer) const;
  void OnKeysSettled(size_t issuer, const KeyChange& change);

  void Run();
  // Decides what has just come, and after a refresh what has waited for it. Puts back what still has to wait.
  void ServeWaiters(IssuerSet refreshed);
  std::list<Waiter> TakeWaiters(IssuerSet refreshed);
  void Answer(const Waiter& waiter, Outcome outcome);

  const CognitoOptions options_;
  const core::Clock& clock_;
  const Verifier verifier_;
  const uint64_t owner_;  // in TokenMemo; never reused
  CheckCounters counters_;
  TokenCache tokens_;
  std::atomic<uint64_t> key_generation_{0};
  std::vector<Issuer> issuers_;  // in the options' order; not changed once made

  mutable core::Mutex mu_;
  core::CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  IssuerSet refreshed_ ABSL_GUARDED_BY(mu_);        // whose fetch has ended, well or not, since the thread last looked
  std::list<Waiter> arrived_ ABSL_GUARDED_BY(mu_);  // not decided yet
  std::list<Waiter> parked_ ABSL_GUARDED_BY(mu_);   // found pending by the thread: wait for a refresh
  size_t waiting_ ABSL_GUARDED_BY(mu_) = 0;         // of either kind, or in the thread's hands: not answered yet
  std::thread thread_;
};

}  // namespace stratus::auth
