// Key ids that the issuer was just asked for and does not have.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "lib/core/status.h"

namespace stratus::auth {

// Bounded in number and in time; past its size the oldest entry goes. An entry only spares the issuer a question: a key
// id that turns up in the key set is found there first, so an entry never holds back a real rotation. Not safe from
// several threads by itself. `now` is monotonic.
class NegativeKeyIds {
 public:
  NegativeKeyIds(size_t entries_max, absl::Duration ttl) : entries_max_(entries_max), ttl_(ttl) {}

  bool Contains(std::string_view key_id, absl::Duration now) {
    while (!by_age_.empty() && by_age_.front().second <= now) DropOldest();
    return ids_.contains(core::ToAbsl(key_id));
  }

  void Add(const std::string& key_id, absl::Duration now) {
    if (!ids_.insert(key_id).second) return;
    by_age_.emplace_back(key_id, now + ttl_);
    if (by_age_.size() > entries_max_) DropOldest();
  }

  size_t size() const { return ids_.size(); }

 private:
  void DropOldest() {
    ids_.erase(by_age_.front().first);
    by_age_.pop_front();
  }

  const size_t entries_max_;
  const absl::Duration ttl_;
  absl::flat_hash_set<std::string> ids_;
  std::deque<std::pair<std::string, absl::Duration>> by_age_;  // key id, when it is forgotten
};

}  // namespace stratus::auth
