// Bounds on what a client may send and hold. stratus.config.v1.Limits documents those that can be configured.
#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace stratus::gateway::http {

struct Limits {
  // Bytes of a request's head, start line included: 431 (414 when the start line alone is longer).
  uint32_t header_bytes_max = 64 << 10;
  // Fields of a request's head: 431.
  uint32_t headers_max = 128;
  // Client connections that share one ConnectionQuota: the oldest idle one makes room for a new one; without any, the
  // new one is closed at once.
  uint32_t connections_max = 16384;
  // Of one client's address (IPv6: of one /64); further ones are closed at once. 0: a quarter of connections_max.
  uint32_t connections_per_address_max = 0;
  // Concurrent HTTP/2 streams of a connection; further ones are refused (REFUSED_STREAM: the client may try again).
  uint32_t streams_per_connection_max = 128;
  // How long a request's head may take to arrive, and a new connection's first byte: 408, or a close when nothing came.
  absl::Duration header_timeout = absl::Seconds(10);
  // How long a connection without an exchange is kept.
  absl::Duration idle_timeout = absl::Minutes(5);
  // How long a peer may go without taking any of the bytes it is owed, or without sending any of those it announced.
  absl::Duration stall_timeout = absl::Seconds(30);
  // What a peer that owes bytes of a request's body, or takes those of a whole reply, has to move at least, as an
  // average over `slow_grace`. 0: it may be as slow as stall_timeout lets it.
  uint32_t bytes_per_second_min = 240;
  absl::Duration slow_grace = absl::Seconds(10);
  // Bytes of memory that the exchanges of one connection may hold together. 0: an eighth of MemoryBudget.
  size_t connection_memory_bytes_max = 0;
};

}  // namespace stratus::gateway::http
