// The issuer's current keys, kept fresh.
//
//   auto cache = JwksCache::Create(source, clock, options, on_change);
//   cache->Tick();                          // the first fetch; then about once a second
//   KeyLookup found = cache->Find(kid);     // never blocks
//
// One fetch at a time, whoever asks. A scheduled one every `refresh_interval`, with jitter; one at once for an unknown
// key id, unless that id was just asked for or the token bucket is empty; after a failure, none before the backoff has
// passed. Through an outage the keys go on serving for `stale_max`.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "lib/auth/jwks.h"
#include "lib/auth/key_source.h"
#include "lib/auth/negative_key_ids.h"
#include "lib/auth/token_bucket.h"
#include "lib/core/clock.h"
#include "lib/core/mutex.h"

namespace stratus::auth {

struct JwksCacheOptions {
  absl::Duration refresh_interval = absl::Minutes(5);
  double refresh_jitter = 0.1;  // each interval is drawn from (1 - jitter, 1 + jitter) of it
  // A source that has not called back by then is taken to have failed, and its late answer is not heard.
  absl::Duration fetch_timeout = absl::Seconds(15);
  absl::Duration backoff_min = absl::Seconds(1);
  absl::Duration backoff_max = absl::Seconds(60);
  absl::Duration stale_max = absl::Hours(24);
  // Refreshes for unknown key ids. The refill bounds both what strangers can make us ask of the issuer and, while they
  // try, how long a real new key can be kept waiting: any of these refreshes brings it.
  int unknown_key_burst = 5;
  absl::Duration unknown_key_refill = absl::Seconds(2);
  // No fetch before the first look-up, nor between two while there are no keys. Where the source then says NOT_FOUND
  // (there is no key set), every key id is unknown for `absent_for`: what strangers write costs the issuer one fetch in
  // that time.
  bool lazy = false;
  absl::Duration absent_for = absl::Minutes(5);
  size_t negative_ids_max = 256;
  absl::Duration negative_ttl = absl::Seconds(5);
};

struct KeyLookup {
  enum class Kind {
    kFound,        // `key` and `generation` are set
    kUnknown,      // the issuer has no such key
    kRefreshing,   // a fetch that may bring it is under way: ask again when it is over
    kUnavailable,  // no usable key set, or the issuer cannot be asked about this key now
  };
  Kind kind = Kind::kUnavailable;
  std::shared_ptr<const RsaPublicKey> key;
  uint64_t generation = 0;
  const char* reason = "";  // for the log
};

// What a fetch, or its failure, came to.
struct KeyChange {
  uint64_t generation = 0;             // counts changes of the key set
  std::vector<uint64_t> dropped_keys;  // serials of keys that no longer count
};

class JwksCache : public std::enable_shared_from_this<JwksCache> {
 public:
  struct Stats {
    uint64_t refreshes = 0;  // fetches that brought a key set
    uint64_t refresh_failures = 0;
    size_t keys = 0;
    std::optional<absl::Duration> age;  // since the last good fetch
  };

  // `source` and `clock` outlive the cache, and so does `generation`, which caches may share: each counts its changes
  // there, so that a number tells the keys of all of them. `on_settled` runs after each fetch, good or bad, and after
  // the set grew too old, on whatever thread noticed; never under a lock.
  static std::shared_ptr<JwksCache> Create(KeySource* source, const core::Clock* clock, JwksCacheOptions options,
                                           std::atomic<uint64_t>* generation,
                                           std::function<void(const KeyChange&)> on_settled);

  // Starts what is due by the clock. Cheap when nothing is.
  void Tick();

  KeyLookup Find(std::string_view key_id);

  Stats stats() const;

 private:
  JwksCache(KeySource* source, const core::Clock* clock, JwksCacheOptions options, std::atomic<uint64_t>* generation,
            std::function<void(const KeyChange&)> on_settled);

  KeyLookup FindLocked(std::string_view key_id, absl::Duration now, bool* start) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  KeyLookup UnknownLocked(std::string_view key_id, absl::Duration now, bool* start) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool TooOldLocked(absl::Duration now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  uint64_t BeginFetchLocked(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FailLocked(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AbsentLocked(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  KeyChange ReplaceLocked(KeySet fresh, absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  KeyChange DropAllLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  void SendFetch(uint64_t attempt);
  void OnFetched(uint64_t attempt, const absl::StatusOr<std::string>& document);
  void OnGood(uint64_t attempt, KeySet fresh);
  void OnBad(uint64_t attempt, const absl::Status& status);

  KeySource* const source_;
  const core::Clock* const clock_;
  const JwksCacheOptions options_;
  const std::function<void(const KeyChange&)> on_settled_;

  mutable core::Mutex mu_;
  KeySet keys_ ABSL_GUARDED_BY(mu_);
  std::atomic<uint64_t>& generation_;
  std::optional<absl::Duration> fetched_at_ ABSL_GUARDED_BY(mu_);  // when the last good fetch came in
  // The fetch under way, or nothing. Attempts are numbered so that an answer that comes too late is known as such.
  std::optional<absl::Duration> in_flight_since_ ABSL_GUARDED_BY(mu_);
  uint64_t attempt_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Duration due_at_ ABSL_GUARDED_BY(mu_) = -absl::InfiniteDuration();
  std::optional<absl::Duration> absent_until_ ABSL_GUARDED_BY(mu_);  // lazy: the issuer has no key set
  int failures_in_a_row_ ABSL_GUARDED_BY(mu_) = 0;
  absl::flat_hash_set<std::string> asked_ids_ ABSL_GUARDED_BY(mu_);  // unknown ids that the fetch under way answers
  NegativeKeyIds negative_ids_ ABSL_GUARDED_BY(mu_);
  TokenBucket unknown_key_bucket_ ABSL_GUARDED_BY(mu_);
  Stats stats_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stratus::auth
