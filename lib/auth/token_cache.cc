#include "lib/auth/token_cache.h"

#include <openssl/sha.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace stratus::auth {

TokenDigest TokenDigest::Of(std::string_view token) {
  TokenDigest digest;
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest.bytes.data());
  return digest;
}

uint64_t TokenDigest::Word() const {
  uint64_t word = 0;
  std::memcpy(&word, bytes.data(), sizeof(word));
  return word;
}

TokenCache::TokenCache(size_t entries_max) : shard_entries_max_(std::max<size_t>(1, entries_max / kShards)) {}

std::shared_ptr<const Principal> TokenCache::Find(const TokenDigest& digest) {
  Shard& shard = ShardOf(digest);
  core::MutexLock lock(shard.mu);
  const auto found = shard.by_digest.find(digest);
  if (found == shard.by_digest.end()) return nullptr;
  shard.by_use.splice(shard.by_use.begin(), shard.by_use, found->second);
  return found->second->principal;
}

void TokenCache::Insert(const TokenDigest& digest, std::shared_ptr<const Principal> principal, uint64_t key_serial,
                        uint64_t generation) {
  Shard& shard = ShardOf(digest);
  core::MutexLock lock(shard.mu);
  // Under the lock: DropKeys sets the generation before it sweeps this shard, so an entry that passes here is swept.
  if (generation_.load(std::memory_order_acquire) != generation) return;
  if (shard.by_digest.contains(digest)) return;
  if (shard.by_use.size() >= shard_entries_max_) {
    shard.by_digest.erase(shard.by_use.back().digest);
    shard.by_use.pop_back();
  }
  shard.by_use.push_front({digest, std::move(principal), key_serial});
  shard.by_digest.emplace(digest, shard.by_use.begin());
}

void TokenCache::Erase(const TokenDigest& digest) {
  Shard& shard = ShardOf(digest);
  core::MutexLock lock(shard.mu);
  const auto found = shard.by_digest.find(digest);
  if (found == shard.by_digest.end()) return;
  shard.by_use.erase(found->second);
  shard.by_digest.erase(found);
}

void TokenCache::DropKeys(absl::Span<const uint64_t> key_serials, uint64_t generation) {
  // Never back: two reports may come in the other order, from two threads.
  uint64_t known = generation_.load(std::memory_order_relaxed);
  while (known < generation && !generation_.compare_exchange_weak(known, generation, std::memory_order_acq_rel)) {
  }
  if (key_serials.empty()) return;
  const absl::flat_hash_set<uint64_t> dropped(key_serials.begin(), key_serials.end());
  for (Shard& shard : shards_) {
    core::MutexLock lock(shard.mu);
    for (auto entry = shard.by_use.begin(); entry != shard.by_use.end();) {
      if (!dropped.contains(entry->key_serial)) {
        ++entry;
        continue;
      }
      shard.by_digest.erase(entry->digest);
      entry = shard.by_use.erase(entry);
    }
  }
}

size_t TokenCache::size() const {
  size_t size = 0;
  for (const Shard& shard : shards_) {
    core::MutexLock lock(shard.mu);
    size += shard.by_use.size();
  }
  return size;
}

}  // namespace stratus::auth
