// A backend that has no state, for the init that prepares a module: init looks at the state, and there is none yet.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "lib/http_server/http_server.h"
#include "services/provisioning/engine/sandbox.h"

namespace stratus::provisioning::engine {

class NoState {
 public:
  // On a port of the host's loopback.
  static absl::StatusOr<std::unique_ptr<NoState>> OnLoopback();
  // By a socket in the folder `doors`, which is made, and removed in the end: for a sandbox with a network of its own,
  // in which `relay` makes a port of it.
  static absl::StatusOr<std::unique_ptr<NoState>> ByDoor(const std::string& doors, const std::string& relay);
  ~NoState();
  NoState(const NoState&) = delete;
  NoState& operator=(const NoState&) = delete;

  // As it is seen from the sandbox.
  const std::string& address() const { return address_; }
  // Gives the sandbox the door; nothing for one on the loopback.
  void AddTo(SandboxSpec* spec) const;

 private:
  NoState() = default;

  std::string doors_;
  std::string relay_;
  std::string address_;
  std::unique_ptr<http_server::Server> server_;
};

}  // namespace stratus::provisioning::engine
