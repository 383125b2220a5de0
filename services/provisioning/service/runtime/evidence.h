// What is known of a run whose engine may have lost something: its ledger, and the state now and before.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/provisioning/service/runtime/recovery_plan.h"
#include "services/provisioning/service/runtime/runtime_parts.h"

namespace stratus::provisioning::service {

// `orderly`: the engine ended by itself. DATA_LOSS: a state cannot be opened; INVALID_ARGUMENT: it is none.
absl::StatusOr<Evidence> GatherEvidence(const RuntimeParts& parts, const std::string& run_uid,
                                        const std::string& stack_uid, bool orderly);

}  // namespace stratus::provisioning::service
