// What a subscriber hears, to be waited for.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "lib/core/mutex.h"
#include "services/provisioning/store/store.h"

namespace stratus::provisioning::store::testing {

class HeardTopics {
 public:
  explicit HeardTopics(Store* store)
      : subscription_(store->Subscribe([this](std::string_view topic) { Hear(topic); })) {}

  // Returns once `topic` has been heard `times`, for ever if it must.
  void WaitFor(std::string_view topic, size_t times = 1) {
    core::MutexLock lock(mu_);
    while (topics_.count(topic) < times) heard_.Wait(lock);
  }
  size_t Count(std::string_view topic) {
    core::MutexLock lock(mu_);
    return topics_.count(topic);
  }

 private:
  void Hear(std::string_view topic) {
    core::MutexLock lock(mu_);
    topics_.emplace(topic);
    heard_.NotifyAll();
  }

  core::Mutex mu_;
  core::CondVar heard_;
  std::multiset<std::string, std::less<>> topics_ ABSL_GUARDED_BY(mu_);
  const std::unique_ptr<Store::Subscription> subscription_;  // last: ends before what it writes to
};

}  // namespace stratus::provisioning::store::testing
