// Drives one step of a run: launches it, or goes on with one that an earlier process launched; stores what its stream
// says; and passes on to the engine that the run is to be cancelled.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/provisioning/service/runtime/lease.h"
#include "services/provisioning/service/runtime/run_inputs.h"
#include "services/provisioning/service/runtime/run_progress.h"
#include "services/provisioning/service/runtime/step_fold.h"

namespace stratus::provisioning::service {

struct StepOrder {
  engine::Command command = engine::Command::kApply;
  std::vector<engine::Import> imports = {};
  std::vector<std::string> targets = {};
  std::string plan = {};  // of kApplyPlan; empty: the one that the step before left
};

struct StepResult {
  engine::Command command = engine::Command::kApply;
  engine::Exit exit;
  std::unique_ptr<StepFold> fold;
  std::string error_text;    // the end of its stderr, redacted
  bool interrupted = false;  // it was asked to end: by a cancel, or because the service stops

  // Nobody knows what it had done: it was killed, or its shim was.
  bool lost() const { return !exit.known || exit.signal != 0; }
  bool succeeded() const;
};

class StepDriver {
 public:
  // All outlive it.
  StepDriver(const RuntimeParts& parts, Lease* lease, RunControl* control, const RunInputs* inputs)
      : parts_(parts), lease_(*lease), control_(*control), inputs_(*inputs) {}

  // Launches the step and follows it to its end. Sets the run's status to `status` first, unless that is UNSPECIFIED
  // (recovery's steps do not change it).
  absl::StatusOr<StepResult> Launch(const StepOrder& order, v1::RunStatus status);

  // Follows a step that is under way or over, storing what has not been stored.
  absl::StatusOr<StepResult> Follow(std::unique_ptr<engine::Watch> watch);

  // As stored, when the run was taken over.
  void SetProgress(RunProgress progress) { progress_ = std::move(progress); }
  const RunProgress& progress() const { return progress_; }
  // Whether the run was asked to be cancelled, or the service stops its runs.
  bool cancel_wanted() const;

 private:
  class Following;

  absl::Status Announce(const StepOrder& order, v1::RunStatus status);
  absl::StatusOr<std::unique_ptr<engine::Watch>> LaunchPatiently(const engine::Step& step);

  const RuntimeParts& parts_;
  Lease& lease_;
  RunControl& control_;
  const RunInputs& inputs_;
  RunProgress progress_;
  bool raise_to_applying_ = false;  // the run's status goes to APPLYING once the engine has planned
};

}  // namespace stratus::provisioning::service
