// Takes up a run whose engine was killed, or died: finds out what it had done, takes that into the state, and goes on
// with the rest where that needs no person.
//
//   kill what is left of it -> take in the state it left in a file -> what does the ledger have that the state has not?
//   -> ids that are known are imported; what was begun without an id is looked for at the provider, after the time that
//   a request of the dead engine may still take -> a plan with those imports -> applied, when it holds nothing that the
//   run would not have done; else the imports alone, and a person decides.
//
// Nothing is made as long as it might be there already: a search that fails is no answer.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "lib/core/clock.h"
#include "services/provisioning/service/runtime/recovery_plan.h"
#include "services/provisioning/service/runtime/run_end.h"
#include "services/provisioning/service/runtime/step_driver.h"

namespace stratus::provisioning::service {

class Recovery {
 public:
  // All outlive it. `reachable`: the run's work folder is on this machine.
  Recovery(const RuntimeParts& parts, Lease* lease, RunControl* control, const RunInputs* inputs, StepDriver* driver,
           bool reachable)
      : parts_(parts), lease_(*lease), control_(*control), inputs_(*inputs), driver_(*driver), reachable_(reachable) {}

  // How the run is to end. `why`: what became of the engine. ABORTED without a Halt: it was interrupted again, and has
  // to be recovered anew. `orderly`: the engine ended by itself, and yet the state lacks what it made.
  absl::StatusOr<Ending> Run(std::string_view why, bool orderly);

 private:
  absl::Status MarkInterrupted(std::string_view why);
  absl::Status TakeInErroredState();
  absl::Status MarkRecovering();
  absl::Status Sort(const std::vector<LostResource>& lost);
  absl::Status Search(const Evidence& evidence);
  absl::Status WaitUntilSettled();
  absl::Status DropReplaced();
  absl::StatusOr<std::vector<PlannedResource>> Plan(std::vector<std::string> targets);
  bool DropRefusedImports(const std::vector<v1::Diagnostic>& errors);
  std::vector<std::string> ApprovalObjections(const std::vector<v1::RunEvent>& events) const;
  absl::StatusOr<Ending> Finish();
  absl::StatusOr<Ending> ImportAlone(std::vector<PlannedResource> plan, const std::vector<std::string>& objections);
  absl::StatusOr<StepResult> Step(const StepOrder& order);
  Ending Ended(v1::RunStatus status, std::string_view reason, std::string_view message) const;
  Ending NeedsAPerson() const;
  engine::Command PlanCommand() const;
  void Note(std::string note);

  const RuntimeParts& parts_;
  Lease& lease_;
  RunControl& control_;
  const RunInputs& inputs_;
  StepDriver& driver_;
  const bool reachable_;
  bool orderly_ = false;
  // Since when no request of the dead engine can be sent. By the monotonic clock: a jump must not shorten the wait.
  absl::Duration engine_gone_ = core::Clock::Real().Monotonic();
  std::vector<engine::Import> imports_;
  std::vector<LostResource> to_find_;
  std::set<std::string> undecided_;
  std::map<std::string, std::string> replaced_;  // former ids by address, to leave the state before an import
  std::vector<std::string> notes_;
};

}  // namespace stratus::provisioning::service
