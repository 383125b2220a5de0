// A run's work folder, and a step's folder in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/provisioning/engine/engine.h"

namespace stratus::provisioning::engine {

inline constexpr std::string_view kVariablesFile = "stratus.auto.tfvars.json";

// Copies a prepared folder (providers by a link to it) to `run_folder`, once a run.
absl::Status LayOutRun(const std::string& prepared, const std::string& run_folder);

// What the step is to find in the run's folder: variables, imports, the plan; and what earlier steps left there goes.
absl::Status WriteInputs(const Step& step, const std::string& run_folder);

// Makes STEP with `spec` and `environment`; ALREADY_EXISTS when that step was begun before.
absl::Status WriteStep(const Step& step, const std::string& step_folder, const std::string& run_folder,
                       const std::vector<std::string>& arguments, const std::vector<std::string>& environment);

// The step that began last, by the number in front of its name; NOT_FOUND without one.
absl::StatusOr<std::string> NewestStep(const std::string& run_folder);
// The folders of all steps that were begun.
std::vector<std::string> BegunSteps(const std::string& run_folder);

// What of `spec` a watch needs.
struct StepFacts {
  Command command = Command::kApply;
  absl::Duration cancel_grace;
};
absl::StatusOr<StepFacts> ReadStepFacts(const std::string& step_folder);

}  // namespace stratus::provisioning::engine
