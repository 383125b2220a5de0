// A module's variables as JSON Schema 2020-12.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace stratus::provisioning::engine {

// The schema of the object of variables, from the `variables` that stratus-hcl prints. Terraform's types become: object
// properties, those without optional() required, others refused; map additionalProperties; list items; set items and
// uniqueItems; tuple prefixItems; any {}; a nullable variable also takes null; a sensitive one is writeOnly.
nlohmann::json VariablesSchema(const nlohmann::json& variables);

// Of one type, from its `type_tree`.
nlohmann::json TypeSchema(const nlohmann::json& tree);

}  // namespace stratus::provisioning::engine
