#include "gateway/proxy/reply_cache.h"

#include <algorithm>
#include <utility>

#include "gateway/loop/memory_budget.h"
#include "google/rpc/status.pb.h"
#include "lib/core/status.h"

namespace stratus::gateway::proxy {
namespace {

using upstream::TimerQueue;

// What a node, its index entry and a reply take beside their text, with what malloc adds.
constexpr size_t kEntryOverhead = 512;
constexpr size_t kHeaderOverhead = 96;

size_t BytesOf(std::string_view key, const CachedReply* reply) {
  size_t bytes = kEntryOverhead + key.size();
  if (reply == nullptr) return bytes;
  bytes += 2 * reply->json.size();
  for (const auto& [name, value] : reply->headers) bytes += kHeaderOverhead + name.size() + value.size();
  return bytes;
}

}  // namespace

ReplyCache::ReplyCache(TimerQueue* timers, size_t bytes_max, std::shared_ptr<ReplyCacheStats> stats)
    : timers_(timers),
      bytes_max_(bytes_max),
      stats_(std::move(stats)),
      wake_([](void* self) { static_cast<ReplyCache*>(self)->WakeLanded(); }, this) {}

ReplyCache::~ReplyCache() { MemoryBudget::Give(bytes_); }

ReplyCache::Answer ReplyCache::Ask(std::string_view key, const Wish& wish, FlightWaiter* waiter, Found* found) {
  const int64_t now = TimerQueue::Now();
  found->generation = generation_;
  found->now_ns = now;
  Entry* const entry = Touch(key);
  CachedReply* const reply = entry != nullptr ? entry->reply.get() : nullptr;
  found->reply = reply;
  bool reload = wish.reload;
  if (reply != nullptr && !wish.reload) {
    if (now < reply->fresh_until_ns) {
      if (now - reply->stored_ns <= wish.age_ns_max && reply->fresh_until_ns - now >= wish.fresh_ns_min) {
        stats_->hits.Add();
        return Answer::kHit;
      }
      reload = true;
    } else if (!wish.fresh_only && now < reply->stale_until_ns) {
      found->refresh = StartRefresh(key, *entry, now);
      stats_->stale_hits.Add();
      return Answer::kStale;
    } else if (!wish.fresh_only && now < reply->error_until_ns && now < entry->retry_ns) {
      stats_->stale_if_error_hits.Add();
      return Answer::kStaleIfError;
    }
  }
  if (wish.only_if_cached) {
    stats_->only_if_cached.Add();
    return Answer::kNothing;
  }
  if (reload) {
    stats_->reloads.Add();
    return Answer::kReload;
  }
  if (entry != nullptr && reply == nullptr && now < entry->retry_ns) {
    stats_->passes.Add();
    return Answer::kPass;
  }
  return Fly(key, waiter);
}

ReplyCache::Entry* ReplyCache::Touch(std::string_view key) {
  const auto known = by_key_.find(core::ToAbsl(key));
  if (known == by_key_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, known->second);
  return &*known->second;
}

bool ReplyCache::StartRefresh(std::string_view key, const Entry& entry, int64_t now) {
  if (now < entry.retry_ns || refreshes_ >= kRefreshesMax) return false;
  const auto [flight, is_first] = flights_.try_emplace(std::string(key));
  if (!is_first) return false;
  flight->second.generation = generation_;
  flight->second.refresh = true;
  ++refreshes_;
  stats_->refreshes.Add();
  return true;
}

ReplyCache::Answer ReplyCache::Fly(std::string_view key, FlightWaiter* waiter) {
  const auto [flight, is_first] = flights_.try_emplace(std::string(key));
  if (is_first) {
    flight->second.generation = generation_;
    stats_->misses.Add();
    return Answer::kFly;
  }
  flight->second.waiters.push_back(waiter);
  stats_->waits.Add();
  return Answer::kWait;
}

void ReplyCache::Land(std::string_view key, std::unique_ptr<CachedReply> reply) {
  const auto flight = flights_.find(core::ToAbsl(key));
  if (flight == flights_.end()) return;
  const bool kept = flight->second.generation == generation_ && Store(key, std::move(reply), 0);
  EndFlight(flight, kept, nullptr);
}

void ReplyCache::LandEmpty(std::string_view key, Empty why, const std::shared_ptr<const google::rpc::Status>& error) {
  const auto flight = flights_.find(core::ToAbsl(key));
  if (flight == flights_.end()) return;
  if (flight->second.refresh) stats_->refreshes_failed.Add();
  bool ask_again = why == Empty::kGone;
  const bool current = flight->second.generation == generation_;
  if (why == Empty::kFailed && current) {
    const int64_t now = TimerQueue::Now();
    if (Entry* entry = Touch(key); entry != nullptr && entry->reply != nullptr) {
      entry->retry_ns = now + kRetryPauseNs;
      ask_again = now < entry->reply->error_until_ns;
    }
  } else if (why == Empty::kNotToBeKept && current) {
    Drop(key);
    if (!flight->second.waiters.empty()) Store(key, nullptr, TimerQueue::Now() + kPassNs);
  }
  EndFlight(flight, ask_again, ask_again ? nullptr : error);
}

void ReplyCache::EndFlight(Flights::iterator flight, bool ask_again,
                           const std::shared_ptr<const google::rpc::Status>& error) {
  for (FlightWaiter* waiter : flight->second.waiters) landed_.push_back({waiter, ask_again, error});
  if (flight->second.refresh) --refreshes_;
  flights_.erase(flight);
  // Not from here: this may be inside the connection that a waiter would answer on.
  if (!landed_.empty()) timers_->Arm(&wake_, TimerQueue::Now());
}

void ReplyCache::WakeLanded() {
  while (!landed_.empty()) {
    const Landed landed = std::move(landed_.back());
    landed_.pop_back();
    if (landed.error != nullptr) {
      landed.waiter->OnFlightFailed(*landed.error);
    } else {
      landed.waiter->OnLanded(landed.ask_again);
    }
  }
}

void ReplyCache::Replace(std::string_view key, uint64_t generation, std::unique_ptr<CachedReply> reply) {
  if (generation == generation_) Store(key, std::move(reply), 0);
}

CachedReply* ReplyCache::FindForError(std::string_view key) {
  const Entry* entry = Touch(key);
  if (entry == nullptr || entry->reply == nullptr || TimerQueue::Now() >= entry->reply->error_until_ns) return nullptr;
  stats_->stale_if_error_hits.Add();
  return entry->reply.get();
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
  MemoryBudget::Give(std::exchange(bytes_, 0));
  Publish();
}

// False when it is too large.
bool ReplyCache::Store(std::string_view key, std::unique_ptr<CachedReply> reply, int64_t retry_ns) {
  Drop(key);
  const size_t bytes = BytesOf(key, reply.get());
  if ((reply != nullptr && reply->json.size() > reply_bytes_max()) || bytes > bytes_max_) {
    stats_->too_large.Add();
    return false;
  }
  while (!entries_.empty() && bytes_ + bytes > bytes_max_) {
    Erase(std::prev(entries_.end()));
    stats_->evicted.Add();
  }
  if (reply != nullptr) stats_->stored.Add();
  entries_.push_front({std::string(key), std::move(reply), bytes, retry_ns});
  by_key_.emplace(entries_.front().key, entries_.begin());
  bytes_ += bytes;
  MemoryBudget::Take(bytes);
  Publish();
  return true;
}

void ReplyCache::Drop(std::string_view key) {
  if (const auto old = by_key_.find(core::ToAbsl(key)); old != by_key_.end()) Erase(old->second);
}

void ReplyCache::Erase(Entries::iterator entry) {
  bytes_ -= entry->bytes;
  MemoryBudget::Give(entry->bytes);
  by_key_.erase(entry->key);
  entries_.erase(entry);
  Publish();
}

void ReplyCache::Publish() {
  stats_->bytes.Set(bytes_);
  stats_->entries.Set(entries_.size());
}

}  // namespace stratus::gateway::proxy
