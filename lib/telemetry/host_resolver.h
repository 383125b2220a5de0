// A host's address, looked up again from time to time: a daemon that moved is found without a restart. Look-ups run on
// a thread of their own, so that a name server that hangs holds up nobody.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/telemetry/daemon_address.h"

namespace stratus::telemetry {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  friend bool operator==(const SocketAddress& a, const SocketAddress& b);
};

class HostResolver {
 public:
  using Lookup = std::function<absl::StatusOr<SocketAddress>(const HostPort&)>;

  // getaddrinfo, the first address.
  static absl::StatusOr<SocketAddress> SystemLookup(const HostPort& host);

  explicit HostResolver(HostPort host, Lookup lookup = SystemLookup);

  // The address as of the last look-up that gave one; nothing as long as none has. Starts a look-up when the last is
  // older than `fresh_for`, and waits for it only where there is no address yet: at most `patience`.
  std::optional<SocketAddress> Find(absl::Duration fresh_for, absl::Duration patience);

 private:
  struct State;
  void StartLookup();

  const HostPort host_;
  const Lookup lookup_;
  const std::shared_ptr<State> state_;  // shared with look-ups, which may outlive the resolver
};

}  // namespace stratus::telemetry
