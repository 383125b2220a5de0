// Callbacks after a while, on one thread of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <thread>
#include <utility>

#include "absl/time/time.h"
#include "lib/core/mutex.h"

namespace stratus::weather {

class TimerQueue {
 public:
  using Callback = std::function<void()>;
  using Id = uint64_t;  // never 0

  // Past `timers_max` pending timers Schedule refuses.
  explicit TimerQueue(size_t timers_max = 100'000);
  ~TimerQueue() { Stop(); }
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  // Drops what is pending and waits for the callback that runs, if one does. From here on Schedule refuses.
  void Stop();

  // Runs `callback` once, `after` from now; it must not block. 0 when refused: the queue is full or stopped.
  Id Schedule(absl::Duration after, Callback callback);

  // False when the callback has started or the timer is unknown: it may then still be running.
  bool Cancel(Id id);

 private:
  using Due = std::pair<int64_t, Id>;  // steady nanoseconds, so that equal times stay apart

  void Run();

  const size_t timers_max_;
  core::Mutex mutex_;
  core::CondVar changed_;
  std::map<Due, Callback> timers_ ABSL_GUARDED_BY(mutex_);
  std::map<Id, int64_t> due_by_id_ ABSL_GUARDED_BY(mutex_);
  Id next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace stratus::weather
