// The parts of FlightCache. Included by flight_cache.h alone.
#pragma once

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace stratus::weather {

template <typename Value>
typename FlightCache<Value>::Pointer FlightCache<Value>::FindFresh(std::string_view key) {
  const absl::Duration now = clock_->Monotonic();
  core::MutexLock lock(mutex_);
  const Entry* entry = Touch(key);
  if (entry == nullptr || entry->value == nullptr || now >= entry->fresh_until) return nullptr;
  ++stats_.hits;
  return entry->value;
}

template <typename Value>
void FlightCache<Value>::Get(const std::string& key, absl::Time deadline, const Fetch& fetch, Done done) {
  const absl::Duration now = clock_->Monotonic();
  std::optional<absl::StatusOr<Hit>> answer;
  bool launch = false;
  {
    core::MutexLock lock(mutex_);
    const Entry* entry = Touch(key);
    bool refresh = false;
    answer = AnswerAtOnce(entry, now, &refresh);
    if (refresh && flights_.size() < policy_.flights_max) launch = flights_.try_emplace(key).second;
    if (!answer) {
      absl::Duration wait = deadline - absl::Now();
      if (entry != nullptr && Usable(*entry, now)) wait = std::min(wait, policy_.patience);
      if (auto refused = Join(key, wait, done, &launch)) answer = LateAnswer(entry, *refused);
    }
    if (answer && !answer->ok()) ++stats_.errors;
  }
  if (answer) done(*std::move(answer));
  if (launch) Launch(key, fetch);
}

// What can be said without waiting. `refresh`: a fetch should start behind the answer.
template <typename Value>
std::optional<absl::StatusOr<typename FlightCache<Value>::Hit>> FlightCache<Value>::AnswerAtOnce(const Entry* entry,
                                                                                                 absl::Duration now,
                                                                                                 bool* refresh) {
  if (entry == nullptr) return std::nullopt;
  const bool resting = now < entry->next_fetch;
  if (!Usable(*entry, now)) {
    if (!resting) return std::nullopt;
    return absl::StatusOr<Hit>(entry->failure);
  }
  if (now < entry->fresh_until) {
    ++stats_.hits;
    return Hit{entry->value, ""};
  }
  if (!entry->failure.ok()) {
    // The source has failed since. While it rests there is no news to wait for.
    if (!resting && now >= entry->fresh_until + policy_.serve_while_refreshing) return std::nullopt;
    *refresh = !resting;
    ++stats_.stale;
    return Hit{entry->value, std::string(entry->failure.message())};
  }
  if (now >= entry->fresh_until + policy_.serve_while_refreshing) return std::nullopt;
  *refresh = true;
  ++stats_.refreshing;
  return Hit{entry->value, ""};
}

// Makes `done` wait for the key's flight; `start` when there was none. Or says why not.
template <typename Value>
std::optional<absl::Status> FlightCache<Value>::Join(const std::string& key, absl::Duration wait, Done& done,
                                                     bool* start) {
  if (wait <= absl::ZeroDuration())
    return absl::DeadlineExceededError("the deadline passed before the source was asked");
  auto flight = flights_.find(key);
  if (flight == flights_.end()) {
    if (flights_.size() >= policy_.flights_max) {
      return core::WithRetryAfter(absl::ResourceExhaustedError("too many places are being asked for at once"),
                                  absl::Seconds(1));
    }
    flight = flights_.try_emplace(key).first;
    *start = true;
  } else {
    ++stats_.joined;
  }
  if (flight->second.waiters.size() >= policy_.waiters_per_flight_max) {
    return core::WithRetryAfter(absl::ResourceExhaustedError("too many callers are waiting for this place"),
                                absl::Seconds(1));
  }
  const uint64_t id = next_waiter_++;
  Waiter& waiter = flight->second.waiters[id];
  waiter.done = std::move(done);
  // A flight lands by itself within fetch_timeout: only a shorter wait needs a timer.
  if (wait < policy_.fetch_timeout) waiter.timer = timers_->Schedule(wait, [this, key, id] { Expire(key, id); });
  return std::nullopt;
}

// For a caller whose fetch failed or takes too long: the old answer, labelled, or the error.
template <typename Value>
absl::StatusOr<typename FlightCache<Value>::Hit> FlightCache<Value>::LateAnswer(const Entry* entry,
                                                                                const absl::Status& error) {
  if (entry == nullptr || !Usable(*entry, clock_->Monotonic())) return error;
  ++stats_.stale;
  return Hit{entry->value, std::string(error.message())};
}

template <typename Value>
void FlightCache<Value>::Launch(const std::string& key, const Fetch& fetch) {
  {
    core::MutexLock lock(mutex_);
    ++stats_.fetches;
  }
  fetch(absl::Now() + policy_.fetch_timeout, [this, key](Fetched fetched) { Land(key, std::move(fetched)); });
}

template <typename Value>
void FlightCache<Value>::Land(const std::string& key, Fetched fetched) {
  std::vector<std::pair<Waiter, absl::StatusOr<Hit>>> landed;
  {
    core::MutexLock lock(mutex_);
    const absl::Duration now = clock_->Monotonic();
    Entry* found = Touch(key);
    Entry& entry = found != nullptr ? *found : Insert(key);
    Store(entry, fetched, now);
    auto flight = flights_.extract(key);
    if (flight.empty()) return;
    for (auto& [id, waiter] : flight.mapped().waiters) {
      absl::StatusOr<Hit> answer =
          entry.failure.ok() ? absl::StatusOr<Hit>(Hit{entry.value, ""}) : LateAnswer(&entry, entry.failure);
      if (!answer.ok()) ++stats_.errors;
      landed.emplace_back(std::move(waiter), std::move(answer));
    }
  }
  for (auto& [waiter, answer] : landed) {
    if (waiter.timer != 0) timers_->Cancel(waiter.timer);
    waiter.done(std::move(answer));
  }
}

template <typename Value>
void FlightCache<Value>::Store(Entry& entry, const Fetched& fetched, absl::Duration now) {
  if (fetched.value != nullptr) {
    // Wall time tells how old the answer was when it came; from here on the steady clock counts.
    const absl::Duration age = std::max(clock_->Now() - fetched.fetched_at, absl::ZeroDuration());
    if (entry.value == nullptr || now - age > entry.fetched_at) {
      entry.value = fetched.value;
      entry.fetched_at = now - age;
      entry.fresh_until = entry.fetched_at + fetched.ttl * (1 - policy_.ttl_jitter * core::RandomFraction());
    }
  }
  entry.failure = fetched.error;
  if (!fetched.error.ok()) {
    ++stats_.failures;
    entry.next_fetch = now + PauseAfter(fetched.error, policy_);
  }
}

template <typename Value>
void FlightCache<Value>::Expire(const std::string& key, uint64_t waiter_id) {
  Done done;
  absl::StatusOr<Hit> answer = absl::DeadlineExceededError("the source did not answer before the deadline");
  {
    core::MutexLock lock(mutex_);
    const auto flight = flights_.find(key);
    if (flight == flights_.end()) return;
    const auto waiter = flight->second.waiters.find(waiter_id);
    if (waiter == flight->second.waiters.end()) return;
    done = std::move(waiter->second.done);
    flight->second.waiters.erase(waiter);
    const auto entry = by_key_.find(absl::string_view(key));
    if (entry != by_key_.end()) {
      answer = LateAnswer(&*entry->second, absl::DeadlineExceededError("the source has not answered yet"));
    }
    if (!answer.ok()) ++stats_.errors;
  }
  done(std::move(answer));
}

template <typename Value>
bool FlightCache<Value>::Usable(const Entry& entry, absl::Duration now) const {
  return entry.value != nullptr && now - entry.fetched_at <= policy_.stale_max;
}

template <typename Value>
typename FlightCache<Value>::Entry* FlightCache<Value>::Touch(std::string_view key) {
  const auto found = by_key_.find(core::ToAbsl(key));
  if (found == by_key_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return &*found->second;
}

template <typename Value>
typename FlightCache<Value>::Entry& FlightCache<Value>::Insert(const std::string& key) {
  if (entries_.size() >= policy_.entries_max) {
    by_key_.erase(absl::string_view(entries_.back().key));
    entries_.pop_back();
  }
  entries_.push_front(Entry{.key = key,
                            .value = nullptr,
                            .fetched_at = absl::ZeroDuration(),
                            .fresh_until = absl::ZeroDuration(),
                            .next_fetch = absl::ZeroDuration(),
                            .failure = absl::OkStatus()});
  by_key_.emplace(absl::string_view(entries_.front().key), entries_.begin());
  return entries_.front();
}

template <typename Value>
FlightCacheStats FlightCache<Value>::stats() const {
  core::MutexLock lock(mutex_);
  FlightCacheStats stats = stats_;
  stats.entries = entries_.size();
  return stats;
}

}  // namespace stratus::weather
