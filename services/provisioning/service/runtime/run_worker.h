// Drives one claimed or taken-over run to its end, or to where a person has to approve it.
#pragma once

#include <memory>
#include <optional>

#include "lib/telemetry/tracer.h"
#include "services/provisioning/service/runtime/recovery.h"
#include "services/provisioning/service/runtime/run_end.h"
#include "services/provisioning/service/runtime/step_driver.h"

namespace stratus::provisioning::service {

class RunWorker {
 public:
  // `parts` and `control` outlive it. `taken_over`: another process may have begun the run.
  RunWorker(const RuntimeParts& parts, store::RunRow run, RunControl* control, bool taken_over);

  // Blocks until the run has ended, waits for approval, or is not to be driven here any more.
  void Run();

 private:
  absl::Status Drive();
  void Tell(std::string message);
  void GiveUp(const absl::Status& why);
  absl::Status ReadRunInputs();
  absl::Status OpenStateDoor();
  // A segment in the trace of the call that asked for the run, which may be long over.
  telemetry::Span StartSpan() const;
  void DriveOn();
  absl::Status WaitForInputs(const absl::Status& why);
  absl::Status Begin();
  absl::Status CheckState();
  absl::Status TakeUp();
  absl::Status GoOnWith(std::unique_ptr<engine::Watch> watch);
  absl::Status WaitForUnseenEngine();
  absl::Status Execute(const StepOrder& order, v1::RunStatus status);
  absl::Status Conclude(StepResult result);
  absl::Status ConcludePlan(StepResult result);
  absl::Status WaitForApproval();
  absl::Status ConcludeApply(StepResult result);
  absl::Status RetryPlan();
  absl::Status Recover(std::string_view why, bool reachable, bool orderly);
  absl::StatusOr<std::vector<LostResource>> FindLostNow();
  absl::Status KeepPlan(const StepResult& result);
  absl::Status ApplyApproved();
  absl::StatusOr<std::string> ApprovedPlan();
  absl::Status End(Ending ending);
  absl::Status EndFailed(const StepResult& result);
  absl::Status EndUntouched(const StepResult& result);
  absl::Status EndCanceled();
  engine::Command FirstCommand() const;
  v1::ApprovalPolicy Policy() const;

  const RuntimeParts& parts_;
  RunControl& control_;
  bool taken_over_;
  Lease lease_;
  std::optional<RunInputs> inputs_;
  std::optional<StepDriver> driver_;
  std::unique_ptr<StateDoor> state_door_;  // of a run with a network of its own
};

// Of a saved plan and the state under it, in hex: what an approval is given for.
std::string PlanHash(std::string_view plan, int64_t state_serial);

}  // namespace stratus::provisioning::service
