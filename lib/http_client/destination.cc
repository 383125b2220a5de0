#include "lib/http_client/destination.h"

#include <algorithm>

namespace stratus::http_client {

Destination* Destinations::Acquire(const std::string& authority) {
  auto found = entries_.find(authority);
  if (found == entries_.end()) {
    if (entries_.size() >= entries_max_) Evict();
    if (entries_.size() >= entries_max_) return nullptr;
    found = entries_
                .emplace(authority,
                         std::make_unique<Destination>(Destination{
                             .breaker = CircuitBreaker(breaker_failures_, breaker_open_for_), .budget = RetryBudget()}))
                .first;
  }
  ++found->second->calls;
  return found->second.get();
}

size_t Destinations::CountOpenBreakers() const {
  return std::count_if(entries_.begin(), entries_.end(),
                       [](const auto& entry) { return entry.second->breaker.open(); });
}

void Destinations::Evict() {
  for (const bool open_too : {false, true}) {
    for (auto it = entries_.begin(); it != entries_.end();) {
      const Destination& entry = *it->second;
      const auto current = it++;
      if (entry.calls == 0 && (open_too || !entry.breaker.open())) entries_.erase(current);
    }
    if (entries_.size() < entries_max_) return;
  }
}

}  // namespace stratus::http_client
