// Checks a JSON value against the JSON Schema 2020-12 of a module's variable (engine/catalog makes it from the HCL
// type).
//
// Strict where Terraform converts: a string is no number ("5"), a number no string (5), a string no bool ("true"), and
// a set takes no element twice, because what Terraform makes of them silently is seldom what was meant, and the schema
// that clients were shown says otherwise. Numbers must be finite and exact: a whole number past 2^53 has already lost
// digits in JSON. `null` is taken where the schema allows it, and for an attribute that may be left out (Terraform
// reads it as left out).
//
// Understood: type (a name or a list of them), properties, required, additionalProperties, items, prefixItems,
// minItems, maxItems, uniqueItems, enum, const, anyOf, oneOf (as anyOf), true, false and {}. Other keywords, title and
// description among them, are no constraint.
#pragma once

#include <string>
#include <string_view>

#include "google/protobuf/struct.pb.h"
#include "services/provisioning/domain/violations.h"

namespace stratus::provisioning::domain {

// Adds what is wrong under `path` (`variables.rules`, then `variables.rules[2].port`, `variables.tags["a b"]`). Values
// are never repeated in a description: they may be secrets.
void CheckValue(const google::protobuf::Value& value, const google::protobuf::Value& schema, const std::string& path,
                Violations* violations);

// `path.name` for an identifier, else `path["name"]`; long names are cut.
std::string ChildPath(std::string_view path, std::string_view name);

}  // namespace stratus::provisioning::domain
