// A bounded cache of answers that take a while to get.
//
//   FlightCache<SourceReport> cache(policy, &clock, &timers);
//   if (auto hit = cache.FindFresh(key)) return Use(*hit);             // the hot path: no allocation, no callback
//   cache.Get(key, deadline, fetch, [](absl::StatusOr<Hit> hit) {...});
//
// What it does, per key:
//  - fresh (within its time to live, which is shortened at random so that keys do not expire together): served;
//  - older, within `serve_while_refreshing`: served at once, one refresh starts behind it;
//  - older still, up to `stale_max`: callers wait for the refresh, at most `patience`; if it fails or takes longer they
//    get the old answer, labelled with the reason;
//  - none: callers wait for one fetch that they all share (single flight), until their deadlines;
//  - after a failure the key is left alone for `failure_pause`, or as long as the failure's RetryInfo says.
// Least recently used keys go first. Thread-safe; callbacks run outside of its lock, on the thread that has the news.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/core/clock.h"
#include "lib/core/mutex.h"
#include "lib/core/random.h"
#include "lib/core/status.h"
#include "services/weather/service/timer_queue.h"

namespace stratus::weather {

struct FlightCachePolicy {
  size_t entries_max = 1024;  // a weather report with its kept replies takes up to some 120 KB
  size_t flights_max = 256;   // past it, a key without an answer gets RESOURCE_EXHAUSTED
  size_t waiters_per_flight_max = 4096;
  double ttl_jitter = 0.1;  // a time to live is multiplied by 1 - jitter..1
  absl::Duration serve_while_refreshing = absl::Minutes(5);
  absl::Duration stale_max = absl::Hours(6);  // of age
  absl::Duration patience = absl::Seconds(1);
  absl::Duration fetch_timeout = absl::Seconds(5);
  absl::Duration failure_pause = absl::Seconds(5);
  absl::Duration failure_pause_max = absl::Minutes(5);  // whatever RetryInfo says
};

struct FlightCacheStats {
  uint64_t hits = 0;        // served fresh
  uint64_t refreshing = 0;  // served while a refresh ran behind
  uint64_t stale = 0;       // served labelled
  uint64_t joined = 0;      // waited for another caller's fetch
  uint64_t fetches = 0;
  uint64_t failures = 0;  // fetches that failed
  uint64_t errors = 0;    // callers that got an error
  uint64_t entries = 0;
};

template <typename Value>
class FlightCache {
 public:
  using Pointer = std::shared_ptr<const Value>;

  struct Hit {
    Pointer value{};
    std::string stale_reason;  // empty: not stale
  };
  using Done = std::function<void(absl::StatusOr<Hit>)>;

  // What a fetch gives. With an error, `value` may hold an older answer that another store still had.
  struct Fetched {
    Pointer value{};
    absl::Time fetched_at = absl::UnixEpoch();
    absl::Duration ttl = absl::ZeroDuration();
    absl::Status error = absl::OkStatus();
  };
  // Must call back exactly once, by `deadline` or soon after, on any thread.
  using Fetch = std::function<void(absl::Time deadline, std::function<void(Fetched)> done)>;

  // `clock` and `timers` outlive the cache. Before it goes, `timers` are stopped and every fetch has called back.
  FlightCache(FlightCachePolicy policy, const core::Clock* clock, TimerQueue* timers)
      : policy_(policy), clock_(clock), timers_(timers) {}

  // The answer if it is fresh, else null; then call Get.
  Pointer FindFresh(std::string_view key);

  // `done` runs exactly once, perhaps before this returns.
  void Get(const std::string& key, absl::Time deadline, const Fetch& fetch, Done done);

  FlightCacheStats stats() const;

 private:
  struct Entry {
    std::string key;
    Pointer value;              // null: only a failure is known
    absl::Duration fetched_at;  // all in Clock::Monotonic time
    absl::Duration fresh_until;
    absl::Duration next_fetch;  // not before, after a failure
    absl::Status failure;       // of the last fetch; OK after a success
  };
  using EntryList = std::list<Entry>;  // most recently used first

  struct Waiter {
    Done done;
    TimerQueue::Id timer = 0;
  };
  struct Flight {
    absl::flat_hash_map<uint64_t, Waiter> waiters;
  };

  Entry* Touch(std::string_view key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Entry& Insert(const std::string& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Usable(const Entry& entry, absl::Duration now) const;
  std::optional<absl::StatusOr<Hit>> AnswerAtOnce(const Entry* entry, absl::Duration now, bool* refresh)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<absl::Status> Join(const std::string& key, absl::Duration wait, Done& done, bool* start)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Hit> LateAnswer(const Entry* entry, const absl::Status& error) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Launch(const std::string& key, const Fetch& fetch);
  void Land(const std::string& key, Fetched fetched);
  void Expire(const std::string& key, uint64_t waiter_id);
  void Store(Entry& entry, const Fetched& fetched, absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const FlightCachePolicy policy_;
  const core::Clock* const clock_;
  TimerQueue* const timers_;

  mutable core::Mutex mutex_;
  EntryList entries_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<absl::string_view, typename EntryList::iterator> by_key_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, Flight> flights_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_waiter_ ABSL_GUARDED_BY(mutex_) = 1;
  FlightCacheStats stats_ ABSL_GUARDED_BY(mutex_);
};

// How long a failure asks to be left alone, within the policy's bounds.
absl::Duration PauseAfter(const absl::Status& failure, const FlightCachePolicy& policy);

}  // namespace stratus::weather

#include "services/weather/service/flight_cache_inl.h"
