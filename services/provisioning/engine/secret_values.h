// The texts of a step that must not be seen.
#pragma once

#include <string>
#include <vector>

#include "services/provisioning/engine/engine.h"

namespace stratus::provisioning::engine {

// The environment's secrets, the state backend's password, and every text within a sensitive variable.
std::vector<std::string> SecretValues(const Step& step);

// Of a run that was found: every text within its variables, since which are sensitive is not written there.
std::vector<std::string> SecretValuesOf(const std::string& control_folder);

// The texts and numbers within a variable's value. JSON that does not parse gives none.
std::vector<std::string> TextsWithin(const std::string& json);

}  // namespace stratus::provisioning::engine
