// What the engine's diagnostics say, as the error of a run.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"
#include "services/provisioning/engine/engine.h"
#include "stratus/provisioning/v1/resources.pb.h"

namespace stratus::provisioning::service {

// The variable of the module that a diagnostic is about, or empty: `var.size`, `variable "size"`.
std::string VariableOf(const v1::Diagnostic& diagnostic, const v1::Module& module);

// INVALID_ARGUMENT with a BadRequest field violation a variable, where variables are what is wrong; else
// FAILED_PRECONDITION. The diagnostics, at most 10, and an ErrorInfo are among the details. `error_text` is what stands
// in for diagnostics where there are none: the end of stderr.
google::rpc::Status EngineError(const std::vector<v1::Diagnostic>& errors, const v1::Module& module,
                                std::string_view error_text);

// What a run is told that was ended by a limit (engine::Exit::exceeded), with the flag that sets it.
std::string LimitSentence(std::string_view exceeded, const engine::Limits& limits);

// CANCELLED, DEADLINE_EXCEEDED and the like, with an ErrorInfo whose reason is `reason`: `RUN_CANCELED`.
google::rpc::Status RunFailure(absl::StatusCode code, std::string_view reason, std::string_view message);

}  // namespace stratus::provisioning::service
