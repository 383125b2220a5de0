#include "gateway/proxy/reply_cache.h"

#include <algorithm>

#include "lib/core/status.h"

namespace stratus::gateway::proxy {
namespace {

// What a node, its index entry and a reply's strings take beside their text, about.
constexpr size_t kEntryOverhead = 512;

size_t BytesOf(std::string_view key, const CachedReply& reply) {
  size_t bytes = kEntryOverhead + 2 * key.size() + 2 * reply.json.size();
  for (const auto& [name, value] : reply.headers) bytes += name.size() + value.size();
  return bytes;
}

}  // namespace

ReplyCache::ReplyCache(upstream::TimerQueue* timers, size_t bytes_max, std::shared_ptr<ReplyCacheStats> stats)
    : timers_(timers),
      bytes_max_(bytes_max),
      stats_(std::move(stats)),
      wake_([](void* self) { static_cast<ReplyCache*>(self)->WakeLanded(); }, this) {}

ReplyCache::Answer ReplyCache::Ask(std::string_view key, FlightWaiter* waiter, CachedReply** reply) {
  const int64_t now = upstream::TimerQueue::Now();
  const auto known = by_key_.find(core::ToAbsl(key));
  if (known != by_key_.end()) {
    entries_.splice(entries_.begin(), entries_, known->second);
    *reply = known->second->reply.get();
    if (now < (*reply)->fresh_until_ns) {
      Count(stats_->hits);
      return Answer::kHit;
    }
  }
  const auto [flight, is_first] = flights_.try_emplace(std::string(key));
  if (is_first) {
    flight->second.generation = generation_;
    Count(stats_->misses);
    return Answer::kFly;
  }
  if (known != by_key_.end() && now < (*reply)->stale_until_ns) {
    Count(stats_->stale_hits);
    return Answer::kStale;
  }
  flight->second.waiters.push_back(waiter);
  Count(stats_->waits);
  return Answer::kWait;
}

void ReplyCache::Land(std::string_view key, std::unique_ptr<CachedReply> reply, bool ask_again) {
  const auto flight = flights_.find(core::ToAbsl(key));
  if (flight == flights_.end()) return;
  const bool kept = reply != nullptr && flight->second.generation == generation_;
  for (FlightWaiter* waiter : flight->second.waiters) landed_.push_back({waiter, kept || ask_again});
  flights_.erase(flight);
  if (kept) Store(key, std::move(reply));
  // Not from here: this may be inside the connection that a waiter would answer on.
  if (!landed_.empty()) timers_->Arm(&wake_, upstream::TimerQueue::Now());
}

void ReplyCache::WakeLanded() {
  while (!landed_.empty()) {
    const Landed landed = landed_.back();
    landed_.pop_back();
    landed.waiter->OnLanded(landed.ask_again);
  }
}

void ReplyCache::Leave(std::string_view key, FlightWaiter* waiter) {
  const auto is_waiter = [waiter](const Landed& landed) { return landed.waiter == waiter; };
  landed_.erase(std::remove_if(landed_.begin(), landed_.end(), is_waiter), landed_.end());
  const auto flight = flights_.find(core::ToAbsl(key));
  if (flight == flights_.end()) return;
  std::vector<FlightWaiter*>& waiters = flight->second.waiters;
  waiters.erase(std::remove(waiters.begin(), waiters.end(), waiter), waiters.end());
}

void ReplyCache::Clear() {
  ++generation_;
  by_key_.clear();
  entries_.clear();
  SetBytes(0);
}

void ReplyCache::Store(std::string_view key, std::unique_ptr<CachedReply> reply) {
  if (const auto old = by_key_.find(core::ToAbsl(key)); old != by_key_.end()) Erase(old->second);
  const size_t bytes = BytesOf(key, *reply);
  while (!entries_.empty() && bytes_ + bytes > bytes_max_) {
    Erase(std::prev(entries_.end()));
    Count(stats_->evicted);
  }
  if (bytes > bytes_max_) return;
  entries_.push_front({std::string(key), std::move(reply), bytes});
  by_key_.emplace(entries_.front().key, entries_.begin());
  SetBytes(bytes_ + bytes);
  Count(stats_->stored);
}

// Unsigned sums wrap around, so a difference below zero comes out right.
void ReplyCache::SetBytes(size_t bytes) {
  stats_->bytes.fetch_add(bytes - bytes_, std::memory_order_relaxed);
  bytes_ = bytes;
}

void ReplyCache::Erase(Entries::iterator entry) {
  SetBytes(bytes_ - entry->bytes);
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

}  // namespace stratus::gateway::proxy
