// A diagnostic of the engine's -json stream.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "services/provisioning/engine/redact.h"
#include "stratus/provisioning/v1/resources.pb.h"

namespace stratus::provisioning::engine {

// The input variable that it is about, or empty. `diagnostic` is the line's object of that name.
std::string VariableOf(const nlohmann::json& diagnostic);

v1::Diagnostic ToDiagnostic(const nlohmann::json& diagnostic, const Redactor& redactor);

}  // namespace stratus::provisioning::engine
