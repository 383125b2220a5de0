// What the client knows of each host:port: its circuit breaker, its retry budget, its connections in use. Not
// thread-safe: the client's loop owns it.
#pragma once

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "lib/http_client/circuit_breaker.h"
#include "lib/http_client/retry.h"

namespace stratus::http_client {

struct Destination {
  CircuitBreaker breaker;
  RetryBudget budget;
  int attempts_active = 0;
  int calls = 0;  // that point here: those keep it from being forgotten
};

class Destinations {
 public:
  Destinations(int breaker_failures, absl::Duration breaker_open_for, size_t entries_max)
      : breaker_failures_(breaker_failures), breaker_open_for_(breaker_open_for), entries_max_(entries_max) {}

  // Counts a call to `authority`; Release ends it. Nullptr when every entry is in use and the table is full. The
  // pointer is good until its Release.
  Destination* Acquire(const std::string& authority);
  static void Release(Destination* destination) { --destination->calls; }

  size_t size() const { return entries_.size(); }
  size_t CountOpenBreakers() const;

 private:
  // Drops what nobody uses: first what has nothing to remember, then open breakers too.
  void Evict();

  const int breaker_failures_;
  const absl::Duration breaker_open_for_;
  const size_t entries_max_;
  absl::flat_hash_map<std::string, std::unique_ptr<Destination>> entries_;
};

}  // namespace stratus::http_client
