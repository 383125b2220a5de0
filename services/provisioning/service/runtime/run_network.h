// The network of a run that has one of its own: its loopback, on which two ports and, in development, the sandbox's
// lead out of it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "services/provisioning/engine/engine.h"
#include "services/provisioning/service/runtime/runtime_parts.h"

namespace stratus::provisioning::service {

// Within the run's namespace: nobody else's.
inline constexpr uint16_t kStatePort = 14001;
inline constexpr uint16_t kProxyPort = 14002;

// Whether runs have networks of their own here.
bool HasOwnNetwork(const RuntimeParts& parts);

// For a step of `run`, of `module`, that is given `environment`. Of a host's network: nothing.
engine::RunNetwork NetworkOf(const RuntimeParts& parts, const store::RunRow& run, std::string_view module,
                             const std::map<std::string, std::string>& environment);

}  // namespace stratus::provisioning::service
