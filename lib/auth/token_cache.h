// Tokens that have been verified, so that the next call with the same one costs a hash and not a signature.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/types/span.h"
#include "lib/auth/principal.h"
#include "lib/core/mutex.h"

namespace stratus::auth {

// SHA-256 of the whole text: two tokens that share one are not to be found, so nothing else need be compared, and the
// cache holds no token that a memory dump could give away.
struct TokenDigest {
  static TokenDigest Of(std::string_view token);

  std::array<uint8_t, 32> bytes;

  friend bool operator==(const TokenDigest&, const TokenDigest&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const TokenDigest& digest) {
    return H::combine(std::move(state), digest.Word());
  }
  // Any part of a SHA-256 is as good as a hash of it.
  uint64_t Word() const;
};

// Bounded, least recently used out first, in shards with a lock each. Holds successes only. Safe from any thread; Find
// allocates nothing.
class TokenCache {
 public:
  // `entries_max` is split over the shards.
  explicit TokenCache(size_t entries_max);

  // Null when absent. The caller checks `expires` again.
  std::shared_ptr<const Principal> Find(const TokenDigest& digest);

  // `key_serial` is the key that verified the token, and `generation` that of the key set it was taken from. Does
  // nothing when the set has changed since: the key may be among those dropped.
  void Insert(const TokenDigest& digest, std::shared_ptr<const Principal> principal, uint64_t key_serial,
              uint64_t generation);

  void Erase(const TokenDigest& digest);

  // Forgets what those keys verified. From now on Insert takes only `generation`, unless it took
  // a later one already.
  void DropKeys(absl::Span<const uint64_t> key_serials, uint64_t generation);

  // Grows when the key set changes: what was copied out of the cache before then no longer counts.
  uint64_t generation() const { return generation_.load(std::memory_order_acquire); }

  size_t size() const;

 private:
  static constexpr size_t kShards = 16;

  struct Entry {
    TokenDigest digest;
    std::shared_ptr<const Principal> principal;
    uint64_t key_serial;
  };
  struct alignas(64) Shard {
    mutable core::Mutex mu;
    std::list<Entry> by_use ABSL_GUARDED_BY(mu);  // most recently used first
    absl::flat_hash_map<TokenDigest, std::list<Entry>::iterator> by_digest ABSL_GUARDED_BY(mu);
  };

  // By bits that the map inside the shard does not lean on.
  Shard& ShardOf(const TokenDigest& digest) { return shards_[digest.bytes[31] % kShards]; }

  const size_t shard_entries_max_;
  std::atomic<uint64_t> generation_{0};
  std::array<Shard, kShards> shards_;
};

}  // namespace stratus::auth
