// The threads that call the store, which blocks: a fixed number, and a bounded queue in front of them. Tenants take
// turns, and no tenant may have all threads, so that one that sends a flood waits for itself alone.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "lib/core/mutex.h"

namespace stratus::provisioning::service {

class FairExecutor {
 public:
  struct Options {
    int threads = 8;
    size_t queue_max = 1024;
    size_t queue_tenant_max = 256;
  };
  using Task = std::function<void()>;

  explicit FairExecutor(const Options& options);
  // Runs what is queued, then ends.
  ~FairExecutor();
  FairExecutor(const FairExecutor&) = delete;
  FairExecutor& operator=(const FairExecutor&) = delete;

  // Runs `task` on one of the threads. RESOURCE_EXHAUSTED: this tenant's queue is full; UNAVAILABLE: the whole queue
  // is, or the executor is stopping. Both with RetryInfo, and `task` is dropped. Never blocks.
  absl::Status Submit(std::string_view tenant, Task task);

  // Runs what is queued and waits for it; from here on Submit refuses. Not from a task.
  void Stop();

  struct Stats {
    size_t queued = 0;
    size_t running = 0;
    uint64_t refused = 0;
  };
  Stats stats() const;

 private:
  struct Line {
    std::deque<Task> tasks;
    int running = 0;
  };
  using Lines = std::map<std::string, Line, std::less<>>;

  void Run();
  // Waits for a task and takes it; false when there will be none any more.
  bool Take(Lines::iterator* line, Task* task);
  // The line whose turn it is: the next tenant, in a circle, that has a task and may have one more thread.
  Lines::iterator NextLine() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  const int tenant_threads_max_;
  mutable core::Mutex mutex_;
  core::CondVar changed_;
  Lines lines_ ABSL_GUARDED_BY(mutex_);  // of tenants with a task queued or running
  std::string last_served_ ABSL_GUARDED_BY(mutex_);
  size_t queued_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t running_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t refused_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace stratus::provisioning::service
