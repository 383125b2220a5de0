// Data keys in memory, a bounded number of them: the one used longest ago goes first.
#pragma once

#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "lib/core/mutex.h"
#include "services/provisioning/store/aes_gcm.h"

namespace stratus::provisioning::store {

// Thread-safe. `Value` holds an AesKey and is copied out.
template <typename Value>
class KeyCache {
 public:
  explicit KeyCache(size_t size_max) : size_max_(size_max) {}

  std::optional<Value> Find(std::string_view name) {
    core::MutexLock lock(mu_);
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) return std::nullopt;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->second;
  }

  void Put(std::string_view name, Value value) {
    core::MutexLock lock(mu_);
    if (const auto found = by_name_.find(name); found != by_name_.end()) {
      found->second->second = std::move(value);
      return;
    }
    if (entries_.size() >= size_max_) {
      by_name_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(std::string(name), std::move(value));
    by_name_.emplace(entries_.front().first, entries_.begin());
  }

 private:
  using Entries = std::list<std::pair<std::string, Value>>;

  const size_t size_max_;
  core::Mutex mu_;
  Entries entries_ ABSL_GUARDED_BY(mu_);
  std::unordered_map<std::string_view, typename Entries::iterator> by_name_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stratus::provisioning::store
