// Counters of a listener, for metrics: written by the loop's thread alone, read by any.
#pragma once

#include <atomic>
#include <cstdint>

namespace stratus::gateway::http {

struct ListenerStats {
  std::atomic<uint64_t> connections_accepted{0};
  std::atomic<uint64_t> connections_refused{0};  // over connections_max
  std::atomic<uint64_t> connections_open{0};
  std::atomic<uint64_t> requests{0};
  std::atomic<uint64_t> requests_malformed{0};  // answered by the connection itself
  std::atomic<uint64_t> exchanges_aborted{0};   // the client went away first
  std::atomic<uint64_t> tls_handshakes_failed{0};

  // Without the cost of an atomic read-modify-write: there is one writer.
  static void Add(std::atomic<uint64_t>& counter) {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
};

}  // namespace stratus::gateway::http
