// The shared cache on Redis: one connection on one thread, tiny timeouts, and a rest after each failure. While Redis is
// away every Find misses at once; the connection comes back by itself.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "lib/core/mutex.h"
#include "services/weather/service/redis_url.h"
#include "services/weather/service/shared_cache.h"

struct redisContext;

namespace stratus::weather {

struct RedisOptions {
  RedisAddress address;
  absl::Duration connect_timeout = absl::Milliseconds(200);
  absl::Duration command_timeout = absl::Milliseconds(100);
  size_t queue_max = 1024;                            // commands waiting; past it Find misses and Store drops
  size_t value_bytes_max = 1 << 20;                   // longer ones are not stored, nor believed
  absl::Duration rest_min = absl::Milliseconds(500);  // after a failure; doubles up to rest_max
  absl::Duration rest_max = absl::Seconds(15);
};

class RedisCache final : public SharedCache {
 public:
  struct Stats {
    uint64_t hits = 0, misses = 0, stores = 0, dropped = 0, failures = 0;
    bool connected = false;
    size_t queued = 0;
  };

  explicit RedisCache(RedisOptions options);
  // What waits is answered with a miss.
  ~RedisCache() override;

  void Find(std::string key, Found found) override;
  void Store(std::string key, std::string value, absl::Duration ttl) override;
  Stats stats() const;

 private:
  struct Command {
    std::string key;
    std::string value;
    absl::Duration ttl;
    Found found;  // null for a Store
  };
  struct Disconnect {
    void operator()(redisContext* context) const;
  };

  bool Enqueue(Command& command);
  void Run();
  void Execute(Command& command);
  bool EnsureConnected();
  bool Greet();
  void Fail(const char* doing);
  std::optional<std::string> DoFind(const std::string& key);
  void DoStore(const Command& command);

  const RedisOptions options_;
  std::unique_ptr<redisContext, Disconnect> context_;  // the thread's alone, with the two below
  absl::Time rest_until_ = absl::InfinitePast();
  absl::Duration rest_;

  mutable core::Mutex mutex_;
  core::CondVar changed_;
  std::deque<Command> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::atomic<bool> resting_{false};  // until the thread's next try: Find need not queue
  std::atomic<uint64_t> hits_{0}, misses_{0}, stores_{0}, dropped_{0}, failures_{0};
  std::atomic<bool> connected_{false};
  std::thread thread_;  // last: it uses everything above
};

}  // namespace stratus::weather
