#include "services/weather/service/timer_queue.h"

#include <algorithm>
#include <chrono>

namespace stratus::weather {
namespace {

int64_t SteadyNanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

constexpr absl::Duration kLongest = absl::Hours(24 * 365);

}  // namespace

TimerQueue::TimerQueue(size_t timers_max) : timers_max_(timers_max), thread_([this] { Run(); }) {}

void TimerQueue::Stop() {
  {
    core::MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

TimerQueue::Id TimerQueue::Schedule(absl::Duration after, Callback callback) {
  const absl::Duration bounded = std::clamp(after, absl::ZeroDuration(), kLongest);
  const int64_t due = SteadyNanos() + absl::ToInt64Nanoseconds(bounded);
  core::MutexLock lock(mutex_);
  if (stopping_ || timers_.size() >= timers_max_) return 0;
  const Id id = next_id_++;
  timers_.emplace(Due(due, id), std::move(callback));
  due_by_id_.emplace(id, due);
  if (timers_.begin()->first.second == id) changed_.NotifyOne();
  return id;
}

bool TimerQueue::Cancel(Id id) {
  Callback dropped;  // destroyed after the lock: it may own what calls back here
  core::MutexLock lock(mutex_);
  const auto found = due_by_id_.find(id);
  if (found == due_by_id_.end()) return false;
  const auto timer = timers_.find(Due(found->second, id));
  dropped = std::move(timer->second);
  timers_.erase(timer);
  due_by_id_.erase(found);
  return true;
}

void TimerQueue::Run() {
  while (true) {
    Callback callback;
    {
      core::MutexLock lock(mutex_);
      while (!stopping_ && (timers_.empty() || timers_.begin()->first.first > SteadyNanos())) {
        if (timers_.empty()) {
          changed_.Wait(lock);
        } else {
          changed_.WaitFor(lock, std::chrono::nanoseconds(timers_.begin()->first.first - SteadyNanos()));
        }
      }
      if (stopping_) break;
      auto first = timers_.begin();
      callback = std::move(first->second);
      due_by_id_.erase(first->first.second);
      timers_.erase(first);
    }
    callback();
  }
  std::map<Due, Callback> dropped;
  core::MutexLock lock(mutex_);
  dropped.swap(timers_);
  due_by_id_.clear();
}

}  // namespace stratus::weather
