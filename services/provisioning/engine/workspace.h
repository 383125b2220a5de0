// A run's two folders: the one that it works in, and the one that says what there is of it (engine.h).
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/provisioning/engine/engine.h"

namespace stratus::provisioning::engine {

inline constexpr std::string_view kVariablesFile = "stratus.auto.tfvars.json";

struct RunFolders {
  std::string work;     // the run's; what is in it is opened by left_files.h alone
  std::string control;  // ours alone
};

// Copies a prepared folder (providers by a link to it) to the work folder, once a run, and gives it to `uid`, unless
// that is 0.
absl::Status LayOutRun(const std::string& prepared, const RunFolders& folders, uid_t uid);

// What the step is to find in the work folder: variables, imports, the plan; and what earlier steps left there goes.
absl::Status WriteInputs(const Step& step, const RunFolders& folders, uid_t uid);

// How the shim is to start the step.
struct StepStart {
  std::vector<std::string> arguments;  // of the sandbox, and in it the engine; the program first
  std::vector<std::string> environment;
  std::vector<std::string> cgroups;
  std::string doors_folder;  // of a run with a network of its own
};

// Makes STEP with `spec` and `environment`; ALREADY_EXISTS when that step was begun before.
absl::Status WriteStep(const Step& step, const RunFolders& folders, const StepStart& start);

// The step that began last, by the number in front of its name; NOT_FOUND without one.
absl::StatusOr<std::string> NewestStep(const std::string& control_folder);
// The folders of all steps that were begun.
std::vector<std::string> BegunSteps(const std::string& control_folder);
// Takes away the `environment` files, which hold a step's secrets and are its shim's to read and remove: no shim may be
// about to begin (launch.lock), so that what is there was left by one that was killed.
void RemoveEnvironments(const std::string& control_folder);

// What of `spec` a watch needs.
struct StepFacts {
  Command command = Command::kApply;
  absl::Duration cancel_grace;
  std::string work_folder;
  std::vector<std::string> cgroups;
};
absl::StatusOr<StepFacts> ReadStepFacts(const std::string& step_folder);

// Runs of a release that kept its control files in the work folder: those of the steps that were begun move to where
// they are now. What a run may have put in their place does not. Their shims go on: they hold the folders themselves.
absl::Status MoveControlFiles(const std::string& all_work, const std::string& all_control);

}  // namespace stratus::provisioning::engine
