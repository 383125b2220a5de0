// Replies that a worker keeps (RFC 9111), so that a service is not asked again while they are fresh. Knows nothing of
// requests: what a key holds, and who may see what is behind it, is the caller's part.
//
// Of several who ask for what is not there, the first flies: it calls the service, and the others wait for it to land.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "gateway/upstream/timer_queue.h"

namespace stratus::gateway::proxy {

struct CachedReply {
  std::vector<std::pair<std::string, std::string>> headers;
  std::string json;
  std::string gzip;  // of json; made for the first one who asks for it
  int64_t stored_ns = 0;
  int64_t fresh_until_ns = 0;
  int64_t stale_until_ns = 0;  // until then it may be given while someone flies for a new one
};

// Counters for metrics, of all workers together.
struct ReplyCacheStats {
  std::atomic<uint64_t> hits{0};
  std::atomic<uint64_t> stale_hits{0};
  std::atomic<uint64_t> misses{0};
  std::atomic<uint64_t> waits{0};     // for another's miss
  std::atomic<uint64_t> bypasses{0};  // the request could not be answered from a cache
  std::atomic<uint64_t> stored{0};
  std::atomic<uint64_t> evicted{0};
  std::atomic<uint64_t> bytes{0};  // held now
};

// Who waits for another's flight.
class FlightWaiter {
 public:
  // From the loop, never from within the cache's functions. `ask_again`: it is worth it; else everyone is on his own.
  virtual void OnLanded(bool ask_again) = 0;

 protected:
  ~FlightWaiter() = default;
};

// Used on one loop's thread.
class ReplyCache {
 public:
  enum class Answer { kHit, kStale, kFly, kWait };

  // What is kept counts with its key, and twice, for its gzip. The least recently used goes first.
  ReplyCache(upstream::TimerQueue* timers, size_t bytes_max, std::shared_ptr<ReplyCacheStats> stats);
  ~ReplyCache() { Clear(); }

  // kHit, kStale: `reply` is what is kept, valid until the cache is used again. kFly: the caller has to Land. kWait:
  // `waiter` hears of the landing, unless it leaves.
  Answer Ask(std::string_view key, FlightWaiter* waiter, CachedReply** reply);
  // Ends a flight. `reply` null: there is nothing to keep, and each who waits flies by himself, unless `ask_again`.
  void Land(std::string_view key, std::unique_ptr<CachedReply> reply, bool ask_again);
  void Leave(std::string_view key, FlightWaiter* waiter);
  // Forgets everything; what is in the air lands without being kept.
  void Clear();

  bool FitsIn(const CachedReply& reply) const { return reply.json.size() < bytes_max_ / 32; }
  ReplyCacheStats& stats() { return *stats_; }
  static void Count(std::atomic<uint64_t>& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

 private:
  struct Entry {
    std::string key;
    std::unique_ptr<CachedReply> reply;
    size_t bytes = 0;
  };
  using Entries = std::list<Entry>;
  struct Flight {
    std::vector<FlightWaiter*> waiters;  // as many as calls are under way, which other limits bound
    uint64_t generation = 0;
  };
  struct Landed {
    FlightWaiter* waiter;
    bool ask_again;
  };

  void Store(std::string_view key, std::unique_ptr<CachedReply> reply);
  void Erase(Entries::iterator entry);
  void WakeLanded();
  void SetBytes(size_t bytes);

  upstream::TimerQueue* const timers_;
  const size_t bytes_max_;
  const std::shared_ptr<ReplyCacheStats> stats_;
  size_t bytes_ = 0;
  uint64_t generation_ = 0;
  Entries entries_;                                                   // the most recently used first
  absl::flat_hash_map<absl::string_view, Entries::iterator> by_key_;  // views of the entries' keys
  absl::flat_hash_map<std::string, Flight> flights_;
  std::vector<Landed> landed_;
  upstream::Timer wake_;
};

}  // namespace stratus::gateway::proxy
