#include "lib/auth/cognito_authenticator.h"

#include <chrono>
#include <utility>

#include "lib/auth/extractor.h"
#include "lib/auth/token_memo.h"

namespace stratus::auth {
namespace {

using Class = Outcome::Class;

// How often the clock is looked at for a refresh that is due.
constexpr std::chrono::seconds kTickInterval(1);
// A call may wait for a second refresh (the first may have begun before the key was published), but for no third.
constexpr int kRefreshesAwaited = 2;

std::atomic<uint64_t> g_next_owner{1};

VerifierOptions ToVerifierOptions(const CognitoOptions& options) {
  return {.issuer = options.issuer,
          .client_ids = options.client_ids,
          .any_client = options.any_client,
          .tenant_required = !options.claims.tenant.empty(),
          .clock_skew = options.clock_skew};
}

Outcome Refused(Class result, const char* reason) { return {result, nullptr, reason}; }

Outcome Authorize(std::shared_ptr<const Principal> principal, const Policy& policy) {
  // The principal goes along with a refusal: the log may say who was refused.
  if (!policy.Allows(*principal)) return {Class::kInsufficientScope, std::move(principal), "scope or group missing"};
  return {Class::kAllowed, std::move(principal), ""};
}

}  // namespace

CognitoAuthenticator::CognitoAuthenticator(CognitoOptions options, std::unique_ptr<KeySource> source,
                                           const core::Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      verifier_(ToVerifierOptions(options_)),
      owner_(g_next_owner.fetch_add(1, std::memory_order_relaxed)),
      tokens_(options_.cached_tokens_max),
      source_(std::move(source)),
      keys_(JwksCache::Create(source_.get(), &clock_, options_.jwks,
                              [this](const KeyChange& change) { OnKeysSettled(change); })) {
  keys_->Tick();
  thread_ = std::thread([this] { Run(); });
}

CognitoAuthenticator::~CognitoAuthenticator() {
  {
    core::MutexLock lock(mu_);
    stopping_ = true;
  }
  wake_.NotifyOne();
  thread_.join();
  source_.reset();  // no callback reaches this object from here on
  arrived_.splice(arrived_.end(), parked_);
  for (Waiter& waiter : arrived_) waiter.done(Refused(Class::kUnavailable, "shutting down"));
}

Outcome CognitoAuthenticator::Check(absl::Span<const std::string_view> authorization, const Policy& policy) {
  Outcome outcome = Decide(authorization, policy);
  counters_.CountOutcome(outcome.result);
  return outcome;
}

Outcome CognitoAuthenticator::Decide(absl::Span<const std::string_view> authorization, const Policy& policy) {
  if (policy.kind == Policy::Kind::kPublic) return {Class::kAllowed, nullptr, ""};
  if (policy.kind == Policy::Kind::kDenied) return Refused(Class::kDenied, "method has no authorization rule");
  const Extraction extraction = ExtractBearer(authorization);
  switch (extraction.kind) {
    case Extraction::Kind::kNone: return Refused(Class::kNoToken, extraction.reason);
    case Extraction::Kind::kMalformed: return Refused(Class::kMalformedRequest, extraction.reason);
    case Extraction::Kind::kToken: break;
  }
  return DecideToken(extraction.token, policy);
}

Outcome CognitoAuthenticator::DecideToken(std::string_view token, const Policy& policy) {
  // Before the hash: what a stranger may make us hash is bounded.
  if (token.size() > kTokenBytesMax) return Refused(Class::kBadToken, "token over 8 KB");
  std::optional<TokenDigest> digest;
  if (auto principal = FindVerified(token, &digest); principal != nullptr) {
    counters_.CountCacheHit();
    return Authorize(std::move(principal), policy);
  }
  counters_.CountCacheMiss();
  Outcome outcome = VerifyInFull(token, *digest);
  return outcome.allowed() ? Authorize(std::move(outcome.principal), policy) : outcome;
}

// The digest is set whenever nothing was found.
std::shared_ptr<const Principal> CognitoAuthenticator::FindVerified(std::string_view token,
                                                                    std::optional<TokenDigest>* digest) {
  const absl::Time now = clock_.Now();
  // Read before the lookups: what is remembered below must not outlive a key dropped in between.
  const uint64_t generation = tokens_.generation();
  TokenMemo& memo = TokenMemo::OfThisThread();
  if (const auto* remembered = memo.Find(token, owner_, generation); remembered != nullptr) {
    if (verifier_.Unexpired((*remembered)->expires, now)) return *remembered;
  }
  *digest = TokenDigest::Of(token);
  auto principal = tokens_.Find(**digest);
  if (principal == nullptr) return nullptr;
  if (!verifier_.Unexpired(principal->expires, now)) {
    tokens_.Erase(**digest);
    return nullptr;
  }
  memo.Offer(token, owner_, generation, principal);
  return principal;
}

Outcome CognitoAuthenticator::VerifyInFull(std::string_view token, const TokenDigest& digest) {
  ParsedToken parsed;
  Verdict verdict = ParseToken(token, options_.claims, &parsed);
  if (verdict.ok()) verdict = verifier_.CheckHeader(parsed.header);
  if (verdict.ok()) verdict = verifier_.CheckClaims(parsed.claims, clock_.Now());
  if (!verdict.ok()) return Refused(Class::kBadToken, verdict.reason());

  const KeyLookup lookup = keys_->Find(parsed.header.key_id);
  switch (lookup.kind) {
    case KeyLookup::Kind::kFound: break;
    case KeyLookup::Kind::kUnknown: return Refused(Class::kBadToken, lookup.reason);
    case KeyLookup::Kind::kRefreshing: return Refused(Class::kPending, lookup.reason);
    case KeyLookup::Kind::kUnavailable: return Refused(Class::kUnavailable, lookup.reason);
  }
  verdict = verifier_.CheckSignature(parsed, *lookup.key);
  if (!verdict.ok()) return Refused(Class::kBadToken, verdict.reason());
  auto principal = std::make_shared<const Principal>(Verifier::ToPrincipal(std::move(parsed.claims)));
  tokens_.Insert(digest, principal, lookup.key->serial(), lookup.generation);
  return {Class::kAllowed, std::move(principal), ""};
}

void CognitoAuthenticator::CheckLater(absl::Span<const std::string_view> authorization, const Policy& policy,
                                      std::function<void(Outcome)> done) {
  // Any number of values but one is decided without a key.
  if (authorization.size() != 1) return done(Check(authorization, policy));
  {
    core::MutexLock lock(mu_);
    if (waiting_ < options_.waiting_max) {
      ++waiting_;
      arrived_.push_back({std::string(authorization[0]), policy, std::move(done)});
      done = nullptr;
    }
  }
  if (done) return done(Refused(Class::kUnavailable, "too many calls wait for the key set"));
  wake_.NotifyOne();
}

void CognitoAuthenticator::OnKeysSettled(const KeyChange& change) {
  tokens_.DropKeys(change.dropped_keys, change.generation);
  {
    core::MutexLock lock(mu_);
    refreshed_ = true;
  }
  wake_.NotifyOne();
}

void CognitoAuthenticator::Run() {
  for (;;) {
    bool refreshed = false;
    {
      core::MutexLock lock(mu_);
      if (!stopping_ && !refreshed_ && arrived_.empty()) wake_.WaitFor(lock, kTickInterval);
      if (stopping_) return;
      refreshed = std::exchange(refreshed_, false);
    }
    ServeWaiters(refreshed);
    if (options_.background_refresh) keys_->Tick();
  }
}

std::list<CognitoAuthenticator::Waiter> CognitoAuthenticator::TakeWaiters(bool refreshed) {
  std::list<Waiter> due;
  core::MutexLock lock(mu_);
  if (refreshed) {
    for (Waiter& waiter : parked_) ++waiter.refreshes_seen;
    due.splice(due.end(), parked_);
  }
  due.splice(due.end(), arrived_);
  return due;
}

void CognitoAuthenticator::ServeWaiters(bool refreshed) {
  std::list<Waiter> due = TakeWaiters(refreshed);
  std::list<Waiter> pending;
  for (auto waiter = due.begin(); waiter != due.end();) {
    const auto next = std::next(waiter);
    const std::string_view value = waiter->authorization;
    Outcome outcome = Decide({&value, 1}, waiter->policy);
    if (outcome.pending() && waiter->refreshes_seen < kRefreshesAwaited) {
      pending.splice(pending.end(), due, waiter);
    } else {
      if (outcome.pending()) outcome = Refused(Class::kUnavailable, "key set is still being refreshed");
      Answer(*waiter, std::move(outcome));
    }
    waiter = next;
  }
  core::MutexLock lock(mu_);
  parked_.splice(parked_.end(), pending);
}

void CognitoAuthenticator::Answer(const Waiter& waiter, Outcome outcome) {
  {
    core::MutexLock lock(mu_);
    --waiting_;
  }
  counters_.CountOutcome(outcome.result);
  waiter.done(std::move(outcome));
}

CognitoAuthenticator::Stats CognitoAuthenticator::stats() const {
  Stats stats{.checks = counters_.Sum(), .cached_tokens = tokens_.size(), .keys = keys_->stats()};
  core::MutexLock lock(mu_);
  stats.waiting = waiting_;
  return stats;
}

}  // namespace stratus::auth
