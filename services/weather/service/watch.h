// Following the weather of a place: one message at once, then one whenever there is something new.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "lib/core/clock.h"
#include "lib/core/mutex.h"
#include "services/weather/service/timer_queue.h"
#include "services/weather/service/weather_core.h"

namespace stratus::weather {

// How many watches may run at once.
class WatchLimit {
 public:
  explicit WatchLimit(int max) : max_(max) {}

  bool TryAcquire() {
    if (count_.fetch_add(1) < max_) return true;
    count_.fetch_sub(1);
    return false;
  }
  void Release() { count_.fetch_sub(1); }
  int count() const { return count_.load(); }

 private:
  const int max_;
  std::atomic<int> count_{0};
};

class Watch : public std::enable_shared_from_this<Watch> {
 public:
  struct Sink {
    // Sends one reply (a v1::TodayWeather) and calls `sent` once: false when the caller is gone.
    std::function<void(EncodedReply, std::function<void(bool sent)>)> send;
    // Called at most once, unless Cancel came first: nothing is sent after it.
    std::function<void(absl::Status)> end;
  };
  struct Parts {
    WeatherCore* core;
    TimerQueue* timers;
    WatchLimit* limit;
  };

  // Checks the request and starts; null when sink.end has been called already (INVALID_ARGUMENT, RESOURCE_EXHAUSTED).
  // The parts outlive the watch. Whoever waits for news holds it: the core, the timers, or the sink's `sent`.
  static std::shared_ptr<Watch> Start(const v1::WatchWeatherRequest& request, Parts parts, Sink sink);
  ~Watch();

  // Ends the watch without a word to the sink, and lets another one start. From any thread.
  void Cancel();

 private:
  Watch(WatchQuery query, Parts parts, Sink sink);

  void Look();
  void Take(absl::StatusOr<EncodedReply> reply);
  void LookLater();
  // True for the first caller alone.
  bool Close();
  bool closed();

  const WatchQuery query_;
  const Parts parts_;
  const Sink sink_;

  core::Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  TimerQueue::Id timer_ ABSL_GUARDED_BY(mutex_) = 0;

  // What was sent last; touched by one look at a time.
  std::shared_ptr<const std::string> last_body_;
  absl::Time last_fetched_at_ = absl::InfinitePast();
  bool last_stale_ = false;
};

}  // namespace stratus::weather
