// Bubblewrap around a step: the shim and all that it starts see the system read-only and the run's folder alone to
// write to. It only sets up the mounts and then becomes the shim, so supervision and signals are as without it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace stratus::provisioning::engine {

// `mode` is auto, on or off. The path of bwrap, or empty when it is not to be used. FAILED_PRECONDITION: on, and it is
// not there or does not work here (user namespaces may be forbidden).
absl::StatusOr<std::string> FindSandbox(std::string_view mode);

struct SandboxPaths {
  std::string writable;
  std::vector<std::string> readable;  // empty ones are passed over
};

// What comes before the shim's own command line.
std::vector<std::string> SandboxPrefix(const std::string& bubblewrap, const SandboxPaths& paths);

}  // namespace stratus::provisioning::engine
