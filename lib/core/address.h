// Where a program listens or connects: `HOST:PORT`, `[IPv6]:PORT` or `unix:PATH`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stratus::core {

struct Address {
  std::string host;       // without brackets; empty for a Unix socket
  uint16_t port = 0;      // 0 asks the system for a free one
  std::string unix_path;  // set for a Unix socket alone

  bool is_unix() const { return !unix_path.empty(); }

  // As it was written: `127.0.0.1:8080`, `[::1]:8080`, `unix:/run/x.sock`. gRPC takes this form as a target.
  std::string ToString() const;
};

// INVALID_ARGUMENT with what is expected. A missing host (`:8080`) is refused: 0.0.0.0 has to be said.
absl::StatusOr<Address> ParseAddress(std::string_view text);

}  // namespace stratus::core
