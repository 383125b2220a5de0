#include "lib/auth/jwks_cache.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "lib/core/log.h"
#include "lib/core/random.h"
#include "lib/core/status.h"

namespace stratus::auth {

std::shared_ptr<JwksCache> JwksCache::Create(KeySource* source, const core::Clock* clock, JwksCacheOptions options,
                                             std::atomic<uint64_t>* generation,
                                             std::function<void(const KeyChange&)> on_settled) {
  return std::shared_ptr<JwksCache>(new JwksCache(source, clock, options, generation, std::move(on_settled)));
}

JwksCache::JwksCache(KeySource* source, const core::Clock* clock, JwksCacheOptions options,
                     std::atomic<uint64_t>* generation, std::function<void(const KeyChange&)> on_settled)
    : source_(source),
      clock_(clock),
      options_(options),
      on_settled_(std::move(on_settled)),
      generation_(*generation),
      negative_ids_(options.negative_ids_max, options.negative_ttl),
      unknown_key_bucket_(options.unknown_key_burst, options.unknown_key_refill) {}

void JwksCache::Tick() {
  const absl::Duration now = clock_->Monotonic();
  std::optional<uint64_t> attempt;
  std::optional<KeyChange> change;
  bool overran = false;
  {
    core::MutexLock lock(mu_);
    if (TooOldLocked(now)) change = DropAllLocked();
    if (in_flight_since_.has_value() && now - *in_flight_since_ >= options_.fetch_timeout) {
      FailLocked(now);
      overran = true;
      if (!change.has_value()) change = KeyChange{generation_, {}};
    }
    const bool wanted = !options_.lazy || fetched_at_.has_value();
    if (wanted && !in_flight_since_.has_value() && now >= due_at_) attempt = BeginFetchLocked(now);
  }
  if (overran) core::Log(core::Severity::kWarning, "jwks refresh failed", {{"error", "no answer in time"}});
  if (change.has_value()) on_settled_(*change);
  if (attempt.has_value()) SendFetch(*attempt);
}

KeyLookup JwksCache::Find(std::string_view key_id) {
  const absl::Duration now = clock_->Monotonic();
  KeyLookup lookup;
  bool start = false;
  uint64_t attempt = 0;
  {
    core::MutexLock lock(mu_);
    lookup = FindLocked(key_id, now, &start);
    if (start) attempt = BeginFetchLocked(now);
    // Bounded: an id past the limit is only asked for again.
    if (lookup.kind == KeyLookup::Kind::kRefreshing && asked_ids_.size() < options_.negative_ids_max) {
      asked_ids_.emplace(key_id);
    }
  }
  if (start) SendFetch(attempt);
  return lookup;
}

KeyLookup JwksCache::FindLocked(std::string_view key_id, absl::Duration now, bool* start) {
  using Kind = KeyLookup::Kind;
  const bool usable = fetched_at_.has_value() && !TooOldLocked(now);
  if (!usable) {
    if (in_flight_since_.has_value()) return {Kind::kRefreshing, nullptr, 0, "key set is being fetched"};
    if (absent_until_.has_value() && now < *absent_until_) {
      return {Kind::kUnknown, nullptr, 0, "the issuer has no key set"};
    }
    if (now < due_at_) return {Kind::kUnavailable, nullptr, 0, "key set cannot be fetched"};
    *start = true;
    return {Kind::kRefreshing, nullptr, 0, "key set is being fetched"};
  }
  const auto found = keys_.by_id.find(core::ToAbsl(key_id));
  if (found != keys_.by_id.end()) return {Kind::kFound, found->second, generation_, ""};
  return UnknownLocked(key_id, now, start);
}

KeyLookup JwksCache::UnknownLocked(std::string_view key_id, absl::Duration now, bool* start) {
  using Kind = KeyLookup::Kind;
  if (negative_ids_.Contains(key_id, now)) return {Kind::kUnknown, nullptr, 0, "key id unknown to the issuer"};
  if (in_flight_since_.has_value()) return {Kind::kRefreshing, nullptr, 0, "key id unknown, key set being refreshed"};
  // Whether the key is real cannot be told while the issuer does not answer: that is not the caller's fault.
  if (failures_in_a_row_ > 0 && now < due_at_) {
    return {Kind::kUnavailable, nullptr, 0, "key id unknown, and the key set cannot be refreshed"};
  }
  if (!unknown_key_bucket_.Take(now))
    return {Kind::kUnknown, nullptr, 0, "key id unknown (refreshes are rate-limited)"};
  *start = true;
  return {Kind::kRefreshing, nullptr, 0, "key id unknown, key set being refreshed"};
}

bool JwksCache::TooOldLocked(absl::Duration now) const {
  return fetched_at_.has_value() && now - *fetched_at_ >= options_.stale_max;
}

uint64_t JwksCache::BeginFetchLocked(absl::Duration now) {
  in_flight_since_ = now;
  return ++attempt_;
}

void JwksCache::SendFetch(uint64_t attempt) {
  source_->Fetch([weak = weak_from_this(), attempt](const absl::StatusOr<std::string>& document) {
    if (const auto self = weak.lock()) self->OnFetched(attempt, document);
  });
}

void JwksCache::OnFetched(uint64_t attempt, const absl::StatusOr<std::string>& document) {
  if (!document.ok()) return OnBad(attempt, document.status());
  auto fresh = ParseJwks(*document);
  if (!fresh.ok()) return OnBad(attempt, fresh.status());
  OnGood(attempt, *std::move(fresh));
}

void JwksCache::OnGood(uint64_t attempt, KeySet fresh) {
  const absl::Duration now = clock_->Monotonic();
  for (const std::string& skipped : fresh.skipped) {
    core::Log(core::Severity::kDebug, "jwks key passed over", {{"key", skipped}});
  }
  KeyChange change;
  {
    core::MutexLock lock(mu_);
    if (attempt != attempt_ || !in_flight_since_.has_value()) return;
    change = ReplaceLocked(std::move(fresh), now);
  }
  if (!change.dropped_keys.empty()) {
    core::Log(core::Severity::kInfo, "jwks keys dropped", {{"keys", change.dropped_keys.size()}});
  }
  on_settled_(change);
}

void JwksCache::OnBad(uint64_t attempt, const absl::Status& status) {
  const absl::Duration now = clock_->Monotonic();
  KeyChange change;
  int failures = 0;
  bool absent = false;
  {
    core::MutexLock lock(mu_);
    if (attempt != attempt_ || !in_flight_since_.has_value()) return;
    absent = options_.lazy && !fetched_at_.has_value() && absl::IsNotFound(status);
    if (absent) {
      AbsentLocked(now);
    } else {
      FailLocked(now);
    }
    failures = failures_in_a_row_;
    change.generation = generation_;
  }
  if (absent) {
    core::Log(core::Severity::kInfo, "this issuer has no key set yet", {{"error", core::ToStd(status.message())}});
    return on_settled_(change);
  }
  core::Log(core::Severity::kWarning, "jwks refresh failed",
            {{"error", core::ToStd(status.message())}, {"failures", failures}});
  on_settled_(change);
}

void JwksCache::FailLocked(absl::Duration now) {
  in_flight_since_.reset();
  asked_ids_.clear();
  ++stats_.refresh_failures;
  const int doublings = std::min(failures_in_a_row_++, 20);
  const absl::Duration backoff = std::min(options_.backoff_min * std::pow(2.0, doublings), options_.backoff_max);
  // From half to the whole of it, so that a fleet that failed together does not come back together.
  due_at_ = now + backoff * (0.5 + 0.5 * core::RandomFraction());
}

void JwksCache::AbsentLocked(absl::Duration now) {
  in_flight_since_.reset();
  asked_ids_.clear();
  failures_in_a_row_ = 0;
  absent_until_ = due_at_ = now + options_.absent_for;
}

KeyChange JwksCache::ReplaceLocked(KeySet fresh, absl::Duration now) {
  in_flight_since_.reset();
  failures_in_a_row_ = 0;
  absent_until_.reset();
  fetched_at_ = now;
  ++stats_.refreshes;
  due_at_ = now + options_.refresh_interval * (1 + options_.refresh_jitter * (2 * core::RandomFraction() - 1));

  KeyChange change;
  bool changed = fresh.by_id.size() != keys_.by_id.size();
  for (const auto& [key_id, old] : keys_.by_id) {
    const auto kept = fresh.by_id.find(key_id);
    if (kept != fresh.by_id.end() && kept->second->SameMaterial(*old)) {
      kept->second = old;  // with its serial, so that cached tokens stay
    } else {
      change.dropped_keys.push_back(old->serial());
      changed = true;
    }
  }
  keys_ = std::move(fresh);
  if (changed) ++generation_;
  change.generation = generation_;
  for (const std::string& key_id : asked_ids_) {
    if (!keys_.by_id.contains(key_id)) negative_ids_.Add(key_id, now);
  }
  asked_ids_.clear();
  return change;
}

KeyChange JwksCache::DropAllLocked() {
  KeyChange change;
  for (const auto& [key_id, key] : keys_.by_id) change.dropped_keys.push_back(key->serial());
  keys_ = {};
  fetched_at_.reset();
  change.generation = ++generation_;
  return change;
}

JwksCache::Stats JwksCache::stats() const {
  core::MutexLock lock(mu_);
  Stats stats = stats_;
  stats.keys = keys_.by_id.size();
  if (fetched_at_.has_value()) stats.age = clock_->Monotonic() - *fetched_at_;
  return stats;
}

}  // namespace stratus::auth
