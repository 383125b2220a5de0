#include "lib/auth/cognito_authenticator.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/base/macros.h"
#include "absl/strings/str_cat.h"
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
  std::vector<std::string> issuers;
  for (const IssuerOptions& issuer : options.issuers) issuers.push_back(issuer.issuer);
  return {.issuers = std::move(issuers),
          .client_ids = options.client_ids,
          .any_client = options.any_client,
          .tenant_required = !options.claims.tenant.empty(),
          .clock_skew = options.clock_skew};
}

const std::string& IdentityOf(const IssuerOptions& options) {
  return options.identity.empty() ? options.issuer : options.identity;
}

std::vector<std::unique_ptr<KeySource>> ListOf(std::unique_ptr<KeySource> source) {
  std::vector<std::unique_ptr<KeySource>> sources;
  sources.push_back(std::move(source));
  return sources;
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
    : CognitoAuthenticator(std::move(options), ListOf(std::move(source)), clock) {}

CognitoAuthenticator::CognitoAuthenticator(CognitoOptions options, std::vector<std::unique_ptr<KeySource>> sources,
                                           const core::Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      verifier_(ToVerifierOptions(options_)),
      owner_(g_next_owner.fetch_add(1, std::memory_order_relaxed)),
      tokens_(options_.cached_tokens_max) {
  ABSL_HARDENING_ASSERT(!sources.empty() && sources.size() <= kIssuersMax);
  ABSL_HARDENING_ASSERT(options_.issuers.size() == sources.size());
  const std::string& first = IdentityOf(options_.issuers.front());
  for (size_t i = 0; i < sources.size(); ++i) {
    const std::string& identity = IdentityOf(options_.issuers[i]);
    issuers_.push_back({.identity = identity,
                        .tenant_suffix = identity == first ? "" : absl::StrCat("@", identity),
                        .source = std::move(sources[i]),
                        .keys = nullptr});
  }
  // Only now: a fetch may call back at once.
  for (size_t i = 0; i < issuers_.size(); ++i) {
    JwksCacheOptions jwks = options_.jwks;
    jwks.lazy = options_.issuers[i].lazy;
    issuers_[i].keys = JwksCache::Create(issuers_[i].source.get(), &clock_, jwks, &key_generation_,
                                         [this, i](const KeyChange& change) { OnKeysSettled(i, change); });
  }
  Tick();
  thread_ = std::thread([this] { Run(); });
}

CognitoAuthenticator::~CognitoAuthenticator() {
  {
    core::MutexLock lock(mu_);
    stopping_ = true;
  }
  wake_.NotifyOne();
  thread_.join();
  for (Issuer& issuer : issuers_) issuer.source.reset();  // no callback reaches this object from here on
  arrived_.splice(arrived_.end(), parked_);
  for (Waiter& waiter : arrived_) waiter.done(Refused(Class::kUnavailable, "shutting down"));
}

void CognitoAuthenticator::Tick() {
  for (const Issuer& issuer : issuers_) issuer.keys->Tick();
}

Outcome CognitoAuthenticator::Check(absl::Span<const std::string_view> authorization, const Policy& policy) {
  size_t issuer = 0;
  Outcome outcome = Decide(authorization, policy, &issuer);
  counters_.CountOutcome(outcome.result);
  return outcome;
}

Outcome CognitoAuthenticator::Decide(absl::Span<const std::string_view> authorization, const Policy& policy,
                                     size_t* issuer) {
  if (policy.kind == Policy::Kind::kPublic) return {Class::kAllowed, nullptr, ""};
  if (policy.kind == Policy::Kind::kDenied) return Refused(Class::kDenied, "method has no authorization rule");
  const Extraction extraction = ExtractBearer(authorization);
  switch (extraction.kind) {
    case Extraction::Kind::kNone: return Refused(Class::kNoToken, extraction.reason);
    case Extraction::Kind::kMalformed: return Refused(Class::kMalformedRequest, extraction.reason);
    case Extraction::Kind::kToken: break;
  }
  return DecideToken(extraction.token, policy, issuer);
}

Outcome CognitoAuthenticator::DecideToken(std::string_view token, const Policy& policy, size_t* issuer) {
  // Before the hash: what a stranger may make us hash is bounded.
  if (token.size() > kTokenBytesMax) return Refused(Class::kBadToken, "token over 8 KB");
  std::optional<TokenDigest> digest;
  if (auto principal = FindVerified(token, &digest); principal != nullptr) {
    counters_.CountCacheHit();
    return Authorize(std::move(principal), policy);
  }
  counters_.CountCacheMiss();
  Outcome outcome = VerifyInFull(token, *digest, issuer);
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

Outcome CognitoAuthenticator::VerifyInFull(std::string_view token, const TokenDigest& digest, size_t* issuer) {
  ParsedToken parsed;
  Verdict verdict = ParseToken(token, options_.claims, &parsed);
  if (verdict.ok()) verdict = verifier_.CheckHeader(parsed.header);
  if (verdict.ok()) verdict = verifier_.CheckClaims(parsed.claims, clock_.Now());
  if (!verdict.ok()) return Refused(Class::kBadToken, verdict.reason());

  *issuer = *verifier_.IssuerOf(parsed.claims);  // CheckClaims has seen to it
  const Issuer& named = issuers_[*issuer];
  const KeyLookup lookup = named.keys->Find(parsed.header.key_id);
  switch (lookup.kind) {
    case KeyLookup::Kind::kFound: break;
    case KeyLookup::Kind::kUnknown: return Refused(Class::kBadToken, lookup.reason);
    case KeyLookup::Kind::kRefreshing: return Refused(Class::kPending, lookup.reason);
    case KeyLookup::Kind::kUnavailable: return Refused(Class::kUnavailable, lookup.reason);
  }
  verdict = verifier_.CheckSignature(parsed, *lookup.key);
  if (!verdict.ok()) return Refused(Class::kBadToken, verdict.reason());
  auto principal = PrincipalOf(std::move(parsed.claims), named);
  if (principal == nullptr) return Refused(Class::kBadToken, "its tenant reads like one of another issuer");
  tokens_.Insert(digest, principal, lookup.key->serial(), lookup.generation);
  return {Class::kAllowed, std::move(principal), ""};
}

std::shared_ptr<const Principal> CognitoAuthenticator::PrincipalOf(TokenClaims claims, const Issuer& issuer) const {
  Principal principal = Verifier::ToPrincipal(std::move(claims), issuer.identity);
  for (const Issuer& other : issuers_) {
    if (!other.tenant_suffix.empty() && principal.tenant.ends_with(other.tenant_suffix)) return nullptr;
  }
  principal.tenant += issuer.tenant_suffix;
  return std::make_shared<const Principal>(std::move(principal));
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

void CognitoAuthenticator::OnKeysSettled(size_t issuer, const KeyChange& change) {
  tokens_.DropKeys(change.dropped_keys, change.generation);
  {
    core::MutexLock lock(mu_);
    refreshed_.set(issuer);
  }
  wake_.NotifyOne();
}

void CognitoAuthenticator::Run() {
  for (;;) {
    IssuerSet refreshed;
    {
      core::MutexLock lock(mu_);
      if (!stopping_ && refreshed_.none() && arrived_.empty()) wake_.WaitFor(lock, kTickInterval);
      if (stopping_) return;
      refreshed = std::exchange(refreshed_, IssuerSet());
    }
    ServeWaiters(refreshed);
    if (options_.background_refresh) Tick();
  }
}

std::list<CognitoAuthenticator::Waiter> CognitoAuthenticator::TakeWaiters(IssuerSet refreshed) {
  std::list<Waiter> due;
  core::MutexLock lock(mu_);
  for (auto waiter = parked_.begin(); waiter != parked_.end();) {
    const auto next = std::next(waiter);
    if (refreshed.test(waiter->issuer)) {
      ++waiter->refreshes_seen;
      due.splice(due.end(), parked_, waiter);
    }
    waiter = next;
  }
  due.splice(due.end(), arrived_);
  return due;
}

void CognitoAuthenticator::ServeWaiters(IssuerSet refreshed) {
  std::list<Waiter> due = TakeWaiters(refreshed);
  std::list<Waiter> pending;
  for (auto waiter = due.begin(); waiter != due.end();) {
    const auto next = std::next(waiter);
    const std::string_view value = waiter->authorization;
    Outcome outcome = Decide({&value, 1}, waiter->policy, &waiter->issuer);
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
  Stats stats{.checks = counters_.Sum(), .cached_tokens = tokens_.size(), .keys = {}};
  for (const Issuer& issuer : issuers_) {
    const JwksCache::Stats keys = issuer.keys->stats();
    stats.keys.refreshes += keys.refreshes;
    stats.keys.refresh_failures += keys.refresh_failures;
    stats.keys.keys += keys.keys;
    if (keys.age.has_value()) stats.keys.age = std::max(stats.keys.age.value_or(*keys.age), *keys.age);
  }
  core::MutexLock lock(mu_);
  stats.waiting = waiting_;
  return stats;
}

}  // namespace stratus::auth
