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
  // Client connections that share one ConnectionCount; further ones are closed at once.
  uint32_t connections_max = 16384;
  // Concurrent HTTP/2 streams of a connection; further ones are refused (REFUSED_STREAM: the client may try again).
  uint32_t streams_per_connection_max = 128;
  // How long a request's head may take to arrive, and a new connection's first byte: 408, or a close when nothing came.
  absl::Duration header_timeout = absl::Seconds(10);
  // How long a connection without an exchange is kept.
  absl::Duration idle_timeout = absl::Minutes(5);
  // How long a peer may go without taking any of the bytes it is owed, or without sending any of those it announced.
  absl::Duration stall_timeout = absl::Seconds(30);
};

}  // namespace stratus::gateway::http
