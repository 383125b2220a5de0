// What happened on another thread, in order; a test waits for it in place of sleeping.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "lib/core/mutex.h"

namespace stratus::gateway::http::testing {

class EventLog {
 public:
  void Add(std::string event) {
    core::MutexLock lock(mutex_);
    events_.push_back(std::move(event));
    changed_.NotifyAll();
  }

  // Waits until `event` has happened `times` times; false after two minutes.
  bool WaitFor(std::string_view event, int times = 1) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    core::MutexLock lock(mutex_);
    while (std::count(events_.begin(), events_.end(), event) < times) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left <= std::chrono::nanoseconds(0)) return false;
      changed_.WaitFor(lock, left);
    }
    return true;
  }

  int Count(std::string_view event) {
    core::MutexLock lock(mutex_);
    return static_cast<int>(std::count(events_.begin(), events_.end(), event));
  }

 private:
  core::Mutex mutex_;
  core::CondVar changed_;
  std::vector<std::string> events_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stratus::gateway::http::testing
