// Replies that a worker keeps (RFC 9111), so that a service is not asked again while they are fresh. Knows nothing of
// requests: what a key holds, and who may see what is behind it, is the caller's part.
//
// Of several who ask for what is not there, the first flies: it calls the service, and the others wait for it to land.
// What is stale but may still be given is given at once, while one refresh flies behind it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "gateway/filter/content_coding.h"
#include "gateway/proxy/reply_cache_stats.h"
#include "gateway/upstream/timer_queue.h"

namespace google::rpc {
class Status;
}

namespace stratus::gateway::proxy {

struct CachedReply {
  std::vector<std::pair<std::string, std::string>> headers;
  std::string json;
  // Of json, by filter::ContentCoding; each made for the first one who asks for it. Together no larger than json.
  std::array<std::string, filter::kContentCodings> coded;
  int64_t stored_ns = 0;
  int64_t fresh_until_ns = 0;
  int64_t stale_until_ns = 0;  // until then it may be given while someone flies for a new one
  int64_t error_until_ns = 0;  // until then it may be given in place of a server's failure
};

// Who waits for another's flight. Called from the loop, never from within the cache's functions.
class FlightWaiter {
 public:
  // `ask_again`: it is worth it; else everyone is on his own.
  virtual void OnLanded(bool ask_again) = 0;
  // The server has failed the one who flew; it would fail the others too.
  virtual void OnFlightFailed(const google::rpc::Status& error) = 0;

 protected:
  ~FlightWaiter() = default;
};

// Used on one loop's thread.
class ReplyCache {
 public:
  // Refreshes that fly at once behind stale replies; further ones wait for the next who asks.
  static constexpr size_t kRefreshesMax = 64;
  // After a failure a stale reply is given without a further try for so long.
  static constexpr int64_t kRetryPauseNs = 1'000'000'000;
  // A key whose reply may not be kept, though several asked for it at once, gathers no more waiters for so long.
  static constexpr int64_t kPassNs = 10'000'000'000;

  enum class Answer : uint8_t {
    kHit,
    kStale,         // the reply may be given
    kStaleIfError,  // so may this one: the service failed a moment ago
    kFly,           // the caller has to Land
    kWait,          // the waiter hears of the landing, unless it leaves
    kPass,          // the caller is on its own: what comes is not to be kept
    kReload,        // so it is here, but what comes is to be kept, by Replace
    kNothing,       // the client wants what is kept or nothing, and nothing is
  };

  // What a client takes.
  struct Wish {
    bool reload = false;          // nothing that is kept
    bool only_if_cached = false;  // nothing else
    bool fresh_only = false;
    int64_t age_ns_max = std::numeric_limits<int64_t>::max();
    int64_t fresh_ns_min = 0;
  };

  struct Found {
    CachedReply* reply = nullptr;  // with kHit and the two stale ones; valid until the cache is used again
    bool refresh = false;          // the caller has to see to a flight for it, which has to Land
    uint64_t generation = 0;       // for Replace
    int64_t now_ns = 0;            // of TimerQueue
  };

  // Why a flight brought nothing to keep.
  enum class Empty : uint8_t {
    kNotToBeKept,  // by the service's word, or its size
    kError,        // it ended with an error that is the caller's own
    kFailed,       // the server failed: what is stale may do for others
    kGone,         // who flew has gone before its end
  };

  // What is kept counts with its key, and twice, for its codings. The least recently used goes first.
  ReplyCache(upstream::TimerQueue* timers, size_t bytes_max, std::shared_ptr<ReplyCacheStats> stats);
  ~ReplyCache();

  Answer Ask(std::string_view key, const Wish& wish, FlightWaiter* waiter, Found* found);
  // Ends a flight with a reply to keep.
  void Land(std::string_view key, std::unique_ptr<CachedReply> reply);
  // Ends it without. `error` with kFailed: for those who wait.
  void LandEmpty(std::string_view key, Empty why, const std::shared_ptr<const google::rpc::Status>& error = nullptr);
  // Keeps what a reload has brought, unless all was forgotten meanwhile.
  void Replace(std::string_view key, uint64_t generation, std::unique_ptr<CachedReply> reply);
  // What may be given in place of a server's failure; null: nothing.
  CachedReply* FindForError(std::string_view key);
  void Leave(std::string_view key, FlightWaiter* waiter);
  // Forgets everything; what is in the air lands without being kept.
  void Clear();

  // Of one reply's JSON.
  size_t reply_bytes_max() const { return bytes_max_ / 32; }
  size_t bytes() const { return bytes_; }
  ReplyCacheStats& stats() { return *stats_; }

 private:
  struct Entry {
    std::string key;
    std::unique_ptr<CachedReply> reply;  // null: none is to be kept, nor to be waited for, until retry_ns
    size_t bytes = 0;
    int64_t retry_ns = 0;  // no refresh before
  };
  using Entries = std::list<Entry>;
  struct Flight {
    std::vector<FlightWaiter*> waiters;  // as many as calls are under way, which other limits bound
    uint64_t generation = 0;
    bool refresh = false;  // behind a stale reply
  };
  using Flights = absl::flat_hash_map<std::string, Flight>;
  struct Landed {
    FlightWaiter* waiter;
    bool ask_again;
    std::shared_ptr<const google::rpc::Status> error;
  };

  Entry* Touch(std::string_view key);
  // Whether the caller is the one who has to refresh.
  bool StartRefresh(std::string_view key, const Entry& entry, int64_t now);
  Answer Fly(std::string_view key, FlightWaiter* waiter);
  void EndFlight(Flights::iterator flight, bool ask_again, const std::shared_ptr<const google::rpc::Status>& error);
  bool Store(std::string_view key, std::unique_ptr<CachedReply> reply, int64_t retry_ns);
  void Drop(std::string_view key);
  void Erase(Entries::iterator entry);
  void WakeLanded();
  void Publish();

  upstream::TimerQueue* const timers_;
  const size_t bytes_max_;
  const std::shared_ptr<ReplyCacheStats> stats_;
  size_t bytes_ = 0;
  size_t refreshes_ = 0;
  uint64_t generation_ = 0;
  Entries entries_;                                                   // the most recently used first
  absl::flat_hash_map<absl::string_view, Entries::iterator> by_key_;  // views of the entries' keys
  Flights flights_;
  std::vector<Landed> landed_;
  upstream::Timer wake_;
};

}  // namespace stratus::gateway::proxy
