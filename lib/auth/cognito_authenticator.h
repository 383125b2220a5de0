// Tokens of one Cognito user pool (or of an issuer shaped like one).
//
//   auto source = std::make_unique<HttpKeySource>(&http_client, options.jwks_url);
//   CognitoAuthenticator authenticator(options, std::move(source));
//   ... authenticator.Check(values, policy_table.Find(path))
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

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
    size_t waiting = 0;  // CheckLater calls that are not decided yet
    JwksCache::Stats keys;
  };

  // Starts fetching keys. `clock` outlives the authenticator.
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
  void Tick() { keys_->Tick(); }

  // Whether the key set has been fetched: readiness.
  bool has_keys() const { return keys_->stats().keys > 0; }

  // From any thread.
  Stats stats() const;

 private:
  struct Waiter {
    std::string authorization;
    Policy policy;
    std::function<void(Outcome)> done;
    int refreshes_seen = 0;
  };

  Outcome Decide(absl::Span<const std::string_view> authorization, const Policy& policy);
  Outcome DecideToken(std::string_view token, const Policy& policy);
  std::shared_ptr<const Principal> FindVerified(std::string_view token, std::optional<TokenDigest>* digest);
  Outcome VerifyInFull(std::string_view token, const TokenDigest& digest);
  void OnKeysSettled(const KeyChange& change);

  void Run();
  // Decides what has just come, and after a refresh what has waited for it. Puts back what still has to wait.
  void ServeWaiters(bool refreshed);
  std::list<Waiter> TakeWaiters(bool refreshed);
  void Answer(const Waiter& waiter, Outcome outcome);

  const CognitoOptions options_;
  const core::Clock& clock_;
  const Verifier verifier_;
  const uint64_t owner_;  // in TokenMemo; never reused
  CheckCounters counters_;
  TokenCache tokens_;
  std::unique_ptr<KeySource> source_;
  std::shared_ptr<JwksCache> keys_;

  mutable core::Mutex mu_;
  core::CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool refreshed_ ABSL_GUARDED_BY(mu_) = false;     // a fetch has ended, well or not, since the thread last looked
  std::list<Waiter> arrived_ ABSL_GUARDED_BY(mu_);  // not decided yet
  std::list<Waiter> parked_ ABSL_GUARDED_BY(mu_);   // found pending by the thread: wait for a refresh
  size_t waiting_ ABSL_GUARDED_BY(mu_) = 0;         // of either kind, or in the thread's hands: not answered yet
  std::thread thread_;
};

}  // namespace stratus::auth
