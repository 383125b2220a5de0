// What a run waits by, as the runtime sees it: the policy that the API gave it, and never below the minimums.
#pragma once

#include <vector>

#include "services/provisioning/service/runtime/runtime_parts.h"
#include "services/provisioning/service/runtime/step_fold.h"

namespace stratus::provisioning::service {

// Of a stack, for the runs that the platform itself asks for.
v1::ApprovalPolicy StackPolicy(const RuntimeParts& parts, const store::StackRow& stack);

// Of a run of that module.
v1::ApprovalPolicy PolicyOfRun(const RuntimeParts& parts, const store::RunRow& run, const v1::Module& module);

// Whether a plan destroys or replaces anything. One that does not tell counts as if it did.
bool Destroys(const StepFold& plan);

// Whether the run was let on to apply before it was interrupted: by a person, or because its plan did not have to wait.
bool WasLetThrough(const std::vector<v1::RunEvent>& events);

}  // namespace stratus::provisioning::service
