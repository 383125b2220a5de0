// AWS_XRAY_DAEMON_ADDRESS: where the X-Ray daemon takes segments (UDP) and answers about sampling (TCP).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stratus::telemetry {

struct HostPort {
  std::string host;  // without brackets
  uint16_t port = 0;

  // `host:port`, an IPv6 address in brackets.
  std::string ToString() const;
};

struct DaemonAddress {
  HostPort udp;
  HostPort tcp;
};

// `host:port` for both, or `tcp:host:port udp:host:port` in either order. IPv6 addresses stand in brackets.
// INVALID_ARGUMENT says which forms there are.
absl::StatusOr<DaemonAddress> ParseDaemonAddress(std::string_view text);

}  // namespace stratus::telemetry
