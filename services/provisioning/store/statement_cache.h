// Prepared statements of one connection, by their text; the one used longest ago goes when there are too many.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace stratus::provisioning::store {

template <typename Statement>
class StatementCache {
 public:
  explicit StatementCache(size_t size_max) : size_max_(size_max) {}

  // nullptr: not there.
  Statement* Find(std::string_view sql) {
    const auto found = by_sql_.find(sql);
    if (found == by_sql_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->second;
  }

  // The caller has looked: `sql` is not there. `evicted` takes the statement that has to go, before it is dropped.
  template <typename Evicted>
  Statement* Insert(std::string_view sql, Statement statement, Evicted evicted) {
    if (entries_.size() >= size_max_) {
      evicted(entries_.back().second);
      by_sql_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(std::string(sql), std::move(statement));
    by_sql_.emplace(entries_.front().first, entries_.begin());
    return &entries_.front().second;
  }

 private:
  using Entries = std::list<std::pair<std::string, Statement>>;

  const size_t size_max_;
  Entries entries_;  // the one used last first
  std::unordered_map<std::string_view, typename Entries::iterator> by_sql_;
};

}  // namespace stratus::provisioning::store
