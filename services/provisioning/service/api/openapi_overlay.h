// What /openapi.json cannot know from descriptors: each module as a path of its own, with its variables and outputs.
#pragma once

#include <string>

#include "services/provisioning/service/api/api_parts.h"

namespace stratus::provisioning::service {

// An overlay as the gateway takes it (--openapi-overlay): `/droplet` as an instance of `/{module}`, and so on. The same
// text for the same modules.
std::string OpenApiOverlay(const Modules& modules);

}  // namespace stratus::provisioning::service
