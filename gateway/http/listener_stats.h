// Counters of a listener, for metrics: written by the loop's thread alone, read by any.
#pragma once

#include <atomic>
#include <cstdint>

namespace stratus::gateway::http {

struct ListenerStats {
  std::atomic<uint64_t> connections_accepted{0};
  std::atomic<uint64_t> connections_refused{0};          // over connections_max, and nobody was idle
  std::atomic<uint64_t> connections_refused_address{0};  // over connections_per_address_max
  std::atomic<uint64_t> connections_idle_closed{0};      // made room for new ones
  std::atomic<uint64_t> connections_memory_closed{0};    // held most for longest while memory was short
  std::atomic<uint64_t> connections_flooded{0};          // sent too much that costs nothing
  std::atomic<uint64_t> memory_refused{0};               // requests for room that was not there
  std::atomic<uint64_t> slow_bodies{0};                  // exchanges ended because the body came too slowly
  std::atomic<uint64_t> slow_readers{0};                 // exchanges ended because the reply was taken too slowly
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
