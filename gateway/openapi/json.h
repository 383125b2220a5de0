// The JSON type that the document is built in: keys keep the order they were set in, so that the output is
// deterministic and reads well.
#pragma once

#include <nlohmann/json.hpp>

namespace stratus::gateway::openapi {

using Json = nlohmann::ordered_json;

}  // namespace stratus::gateway::openapi
