#include "services/provisioning/service/runtime/run_worker.h"

#include <openssl/evp.h>

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/core/clock.h"
#include "lib/core/log.h"
#include "lib/core/log_trace.h"
#include "lib/core/status.h"
#include "lib/telemetry/tracer.h"
#include "services/provisioning/domain/approval.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/run_status.h"
#include "services/provisioning/service/runtime/evidence.h"
#include "services/provisioning/service/runtime/run_approval.h"
#include "services/provisioning/service/runtime/run_error.h"
#include "services/provisioning/service/runtime/run_network.h"
#include "services/provisioning/service/sealed_names.h"

namespace stratus::provisioning::service {
namespace {

using engine::Command;

constexpr absl::Duration kPause = absl::Milliseconds(500);
constexpr absl::Duration kInputsAgain = absl::Seconds(5);  // a module that does not initialise costs time
constexpr absl::Duration kRetryFirst = absl::Milliseconds(500);
constexpr absl::Duration kRetryMax = absl::Seconds(30);
constexpr int kAttemptsMax = 100;  // some 45 minutes
constexpr int kAttemptsTold = 3;   // which of them is told: most troubles are over before
constexpr int kPlanRetriesMax = 3;

bool IsPlanning(Command command) {
  return command == Command::kPlan || command == Command::kPlanDestroy || command == Command::kRefreshOnly ||
         command == Command::kShowPlan;
}

std::string WhyLost(const StepResult& result, const engine::Limits& limits) {
  if (!result.exit.exceeded.empty()) return LimitSentence(result.exit.exceeded, limits);
  if (result.exit.timed_out) return "the engine took longer than it may, and was killed";
  if (!result.exit.known) return "nobody saw how the engine ended";
  return absl::StrCat("the engine was killed by signal ", result.exit.signal);
}

// Of its time, or of something else.
bool EndedByLimit(const StepResult& result) { return result.exit.timed_out || !result.exit.exceeded.empty(); }

google::rpc::Status LimitFailure(const StepResult& result, const engine::Limits& limits) {
  if (!result.exit.exceeded.empty()) {
    return RunFailure(absl::StatusCode::kResourceExhausted, "RUN_LIMIT_EXCEEDED",
                      LimitSentence(result.exit.exceeded, limits));
  }
  return RunFailure(absl::StatusCode::kDeadlineExceeded, "ENGINE_TIMED_OUT",
                    "the engine took longer than it may, and was ended (--run-minutes-max)");
}

}  // namespace

std::string PlanHash(std::string_view plan, int64_t state_serial) {
  const std::string serial = absl::StrCat("/", state_serial);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestInit_ex(context, EVP_sha256(), nullptr);
  EVP_DigestUpdate(context, plan.data(), plan.size());
  EVP_DigestUpdate(context, serial.data(), serial.size());
  EVP_DigestFinal_ex(context, digest, &size);
  EVP_MD_CTX_free(context);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), size));
}

RunWorker::RunWorker(const RuntimeParts& parts, store::RunRow run, RunControl* control, bool taken_over)
    : parts_(parts), control_(*control), taken_over_(taken_over), lease_(parts.store, run, control) {}

void RunWorker::Run() {
  const core::ScopedLogTrace log_scope(lease_.run().record.trace_id());
  const telemetry::Span span = StartSpan();
  const telemetry::ScopedSpan scope(span);
  core::Log(core::Severity::kInfo, taken_over_ ? "a run is driven on" : "a run begins",
            {{"run", lease_.run_uid()},
             {"stack", lease_.stack_uid()},
             {"kind", v1::RunKind_Name(lease_.run().record.kind())}});
  DriveOn();
}

telemetry::Span RunWorker::StartSpan() const {
  if (parts_.tracer == nullptr) return {};
  const absl::StatusOr<std::string> traceparent = parts_.store->GetBlob(lease_.run_uid(), kTraceBlob);
  if (!traceparent.ok()) return {};
  const telemetry::TraceContext asked = telemetry::ContinueTrace(*traceparent, "");
  if (asked.sampling() != telemetry::Sampling::kSampled) return {};
  telemetry::Span span =
      parts_.tracer->ResumeSegment(asked.trace_id(), asked.parent_id(), parts_.tracer->resource().service_name);
  span.Annotate("run", lease_.run().record.name());
  span.Annotate("run_kind", v1::RunKind_Name(lease_.run().record.kind()));
  span.Annotate("taken_over", taken_over_);
  span.Announce();  // it may take minutes
  return span;
}

void RunWorker::DriveOn() {
  absl::Duration wait = kRetryFirst;
  for (int attempt = 1;; ++attempt) {
    const absl::Status status = Drive();
    if (status.ok()) return;
    if (IsHalt(status)) {
      core::Log(core::Severity::kInfo, "a run is not driven here any more",
                {{"run", lease_.run_uid()}, {"why", core::ToStd(status.message())}});
      return;
    }
    core::Log(core::Severity::kWarning, "a run could not be driven on",
              {{"run", lease_.run_uid()},
               {"code", core::CodeName(status.code())},
               {"reason", core::ToStd(status.message())}});
    const bool passing = absl::IsUnavailable(status) || absl::IsUnknown(status) || absl::IsDeadlineExceeded(status);
    if (!passing || attempt == kAttemptsMax) return GiveUp(status);
    if (attempt == kAttemptsTold) Tell(absl::StrCat(status.message(), "; it is tried again"));
    if (!control_.Pause(wait)) return;
    wait = std::min(wait * 2, kRetryMax);
    taken_over_ = true;  // from here on it may have been begun
    lease_.Refresh().IgnoreError();
  }
}

// To who watches the run.
void RunWorker::Tell(std::string message) {
  v1::RunEvent event;
  *event.mutable_time() = domain::ToProto(absl::Now());
  event.mutable_log()->set_level("warn");
  event.mutable_log()->set_message(inputs_ ? inputs_->redactor.Address(message) : std::move(message));
  const absl::Status told = lease_.Update([&](LeasedChange& change) {
    change.events.push_back(event);
    return absl::OkStatus();
  });
  if (!told.ok() && !IsHalt(told)) {
    core::Log(core::Severity::kWarning, "a run's watchers could not be told what is wrong",
              {{"run", lease_.run_uid()}, {"reason", core::ToStd(told.message())}});
  }
}

// What is wrong does not pass. The run ends, and says what it leaves where.
void RunWorker::GiveUp(const absl::Status& why) {
  Ending ending;
  ending.error = core::ToProto(why);
  parts_.engine->KillAll(lease_.run_uid()).IgnoreError();
  if (absl::StatusOr<std::vector<LostResource>> lost = FindLostNow(); lost.ok()) {
    for (const LostResource& resource : *lost) {
      ending.notes.push_back(resource.id.empty()
                                 ? absl::StrCat(resource.address, " had been begun: see whether it is there")
                                 : absl::StrCat(resource.address, ", id ", resource.id, ", is not in the state"));
    }
  }
  if (lease_.run().force_cancel_requested) ending.status = v1::RUN_STATUS_FORCE_CANCELED;
  if (absl::Status ended = End(std::move(ending)); !ended.ok() && !IsHalt(ended)) {
    core::Log(core::Severity::kError, "a run's end could not be stored: it is taken up again once its lease runs out",
              {{"run", lease_.run_uid()}, {"reason", core::ToStd(ended.message())}});
  }
}

absl::Status RunWorker::Drive() {
  if (absl::Status status = ReadRunInputs(); !status.ok()) {
    const bool passing = absl::IsUnavailable(status) || absl::IsUnknown(status);
    // An approved run has made nothing yet that would have to be recovered.
    const bool begun = taken_over_ && lease_.run().record.status() != v1::RUN_STATUS_CONFIRMED;
    return begun && !passing ? WaitForInputs(status) : status;
  }
  if (absl::Status status = OpenStateDoor(); !status.ok()) return status;
  return taken_over_ ? TakeUp() : Begin();
}

// Before the engine is looked for: one that is under way is trying again to reach its state.
absl::Status RunWorker::OpenStateDoor() {
  if (!HasOwnNetwork(parts_) || state_door_ != nullptr) return absl::OkStatus();
  const auto folder = parts_.engine->DoorsFolder(lease_.run_uid());
  if (!folder.ok()) return folder.status();
  auto door = parts_.backend->OpenDoor(lease_.run_uid(), *folder);
  if (!door.ok()) return door.status();
  state_door_ = *std::move(door);
  return absl::OkStatus();
}

// A run that was begun, and whose module or credentials are gone since: without them nothing can be recovered. It waits
// until its tenant has set a credential again, for a service that has the module again, or for a person who gives it up
// by ForceCancelRun.
absl::Status RunWorker::WaitForInputs(const absl::Status& why) {
  absl::StatusOr<std::string> begun = parts_.store->GetBlob(lease_.run_uid(), kProgressBlob);
  if (absl::IsNotFound(begun.status())) return why;
  const std::string reason = absl::StrCat("it cannot be taken up again: ", why.message());
  const absl::Status said = lease_.Update([&](LeasedChange& change) {
    SetStatus(&change, v1::RUN_STATUS_INTERRUPTED, reason);
    return absl::OkStatus();
  });
  if (!said.ok()) return said;
  core::Log(core::Severity::kError, "a run waits for what it needs to be recovered",
            {{"run", lease_.run_uid()}, {"reason", reason}});
  absl::Duration due = core::Clock::Real().Monotonic() + kInputsAgain;
  while (!control_.halted()) {
    control_.Wait(kPause);
    control_.TakeLook();
    if (lease_.Refresh().ok() && lease_.run().force_cancel_requested) return why;
    if (core::Clock::Real().Monotonic() < due) continue;
    if (ReadRunInputs().ok()) return TakeUp();
    due = core::Clock::Real().Monotonic() + kInputsAgain;
  }
  return Halt("the service stops");
}

absl::Status RunWorker::ReadRunInputs() {
  absl::StatusOr<store::StackRow> stack = parts_.store->GetStackByUid(lease_.stack_uid());
  if (!stack.ok()) return stack.status();
  // An approved run waits with nothing under way: it begins anew.
  const bool as_begun = taken_over_ && lease_.run().record.status() != v1::RUN_STATUS_CONFIRMED;
  absl::StatusOr<RunInputs> inputs = ReadInputs(parts_, lease_.run(), *stack, as_begun);
  if (!inputs.ok()) return inputs.status();
  inputs_ = *std::move(inputs);
  driver_.emplace(parts_, &lease_, &control_, &*inputs_);
  return absl::OkStatus();
}

v1::ApprovalPolicy RunWorker::Policy() const { return PolicyOfRun(parts_, lease_.run(), inputs_->module->module); }

engine::Command RunWorker::FirstCommand() const {
  switch (lease_.run().record.kind()) {
    case v1::RUN_KIND_DESTROY: return domain::PlansFirst(Policy()) ? Command::kPlanDestroy : Command::kDestroy;
    case v1::RUN_KIND_REFRESH_ONLY: return Command::kRefreshOnly;
    case v1::RUN_KIND_PLAN_ONLY: return Command::kPlan;
    default: return domain::PlansFirst(Policy()) ? Command::kPlan : Command::kApply;
  }
}

absl::Status RunWorker::Begin() {
  if (lease_.run().cancel_requested) return EndCanceled();
  if (absl::Status taken = parts_.keeper->TakeIn(lease_.run_uid(), lease_.epoch(), /*begun=*/false); !taken.ok()) {
    return taken;
  }
  if (absl::Status readable = CheckState(); !readable.ok()) return readable;
  if (lease_.run().record.status() == v1::RUN_STATUS_CONFIRMED) {
    return ApplyApproved();
  }
  return Execute({.command = FirstCommand()}, v1::RUN_STATUS_PLANNING);
}

// The engine is not started over a state that it could not read.
absl::Status RunWorker::CheckState() {
  const absl::Status opened = parts_.keeper->Newest(lease_.stack_uid()).status();
  if (!absl::IsDataLoss(opened)) return opened;
  return absl::DataLossError(
      "the stack's newest state cannot be opened: it is damaged, or was sealed with a key that is not here any more. "
      "Nothing was changed. Put the key back, or roll back to a state version that can be opened");
}

absl::Status RunWorker::ApplyApproved() {
  // With another credential the plan would be carried out in an account that nobody has looked at.
  const auto& planned = lease_.run().record.credentials();
  const absl::Status same = CheckSameCredentials({planned.begin(), planned.end()}, inputs_->credentials.uses);
  if (!same.ok()) return same;
  absl::StatusOr<std::string> plan = ApprovedPlan();
  if (!plan.ok()) return plan.status();
  return Execute({.command = Command::kApplyPlan, .plan = *std::move(plan)}, v1::RUN_STATUS_APPLYING);
}

absl::Status RunWorker::Execute(const StepOrder& order, v1::RunStatus status) {
  absl::StatusOr<StepResult> result = driver_->Launch(order, status);
  if (!result.ok()) return result.status();
  return Conclude(*std::move(result));
}

absl::Status RunWorker::TakeUp() {
  absl::StatusOr<std::string> text = parts_.store->GetBlob(lease_.run_uid(), kProgressBlob);
  if (absl::IsNotFound(text.status())) return Begin();  // claimed, and never begun
  if (!text.ok()) return text.status();
  absl::StatusOr<RunProgress> progress = ProgressFromText(*text);
  if (!progress.ok()) return progress.status();
  driver_->SetProgress(*progress);
  const v1::RunStatus status = lease_.run().record.status();
  if (status == v1::RUN_STATUS_CONFIRMED) return Begin();  // its plan is there, and its apply was never begun
  if (progress->data_dir_id != parts_.options.data_dir_id) return WaitForUnseenEngine();

  absl::StatusOr<std::unique_ptr<engine::Watch>> watch = parts_.engine->Adopt(lease_.run_uid());
  if (!watch.ok() && !absl::IsNotFound(watch.status())) return watch.status();
  const bool begun = watch.ok() && (*watch)->step_name() == progress->step;
  if (begun) return GoOnWith(*std::move(watch));
  if (status == v1::RUN_STATUS_RECOVERING || status == v1::RUN_STATUS_INTERRUPTED) {
    return Recover("the service ended while it recovered the run", true, false);
  }
  if (status == v1::RUN_STATUS_APPLYING && absl::EndsWith(progress->step, "-apply-plan")) {
    return ApplyApproved();
  }
  return Execute({.command = FirstCommand()}, v1::RUN_STATUS_UNSPECIFIED);
}

absl::Status RunWorker::GoOnWith(std::unique_ptr<engine::Watch> watch) {
  core::Log(core::Severity::kInfo, "a run is taken up again",
            {{"run", lease_.run_uid()}, {"step", watch->step_name()}, {"living", !watch->Poll().has_value()}});
  const absl::Status carried = lease_.Update([&](LeasedChange& change) {
    if (!absl::StartsWith(change.stack.lock_id, StoredLock(change.run.uid, ""))) return absl::OkStatus();
    change.stack.lock_epoch = change.stack.epoch;
    change.stack_changed = true;
    return absl::OkStatus();
  });
  if (!carried.ok()) return carried;
  absl::StatusOr<StepResult> result = driver_->Follow(std::move(watch));
  if (!result.ok()) return result.status();
  const v1::RunStatus status = lease_.run().record.status();
  if (status == v1::RUN_STATUS_RECOVERING || status == v1::RUN_STATUS_INTERRUPTED) {
    // One of recovery's own steps. What it was for is found out anew from what there is now.
    return Recover("the service ended while it recovered the run", true, false);
  }
  return Conclude(*std::move(result));
}

// The engine is on a machine that cannot be seen from here. Its writes are refused, but it may go on making things
// until its own time limit: only then is it certain what there is.
absl::Status RunWorker::WaitForUnseenEngine() {
  // It only plans: that is made again, and waits again.
  if (lease_.run().record.status() == v1::RUN_STATUS_PLANNING && IsPlanning(FirstCommand())) return RetryPlan();
  const engine::Limits& limits = parts_.options.limits;
  const absl::Time until = driver_->progress().began + limits.wall_time + limits.cancel_grace;
  core::Log(core::Severity::kWarning, "a run's engine is out of sight: recovery waits until it must have ended",
            {{"run", lease_.run_uid()}, {"until", absl::FormatTime(until)}});
  const absl::Duration left = std::min(limits.wall_time + limits.cancel_grace, until - absl::Now());
  if (!control_.Pause(left)) return Halt("the service stops");
  return Recover("the machine that ran the engine is out of sight", false, false);
}

absl::Status RunWorker::Conclude(StepResult result) {
  return IsPlanning(result.command) ? ConcludePlan(std::move(result)) : ConcludeApply(std::move(result));
}

absl::Status RunWorker::ConcludePlan(StepResult result) {
  if (result.lost()) {
    if (driver_->cancel_wanted() || result.interrupted) return EndCanceled();
    if (EndedByLimit(result)) return EndUntouched(result);
    return RetryPlan();
  }
  if (!result.succeeded()) return result.interrupted ? EndCanceled() : EndFailed(result);
  const v1::RunKind kind = lease_.run().record.kind();
  if (kind == v1::RUN_KIND_REFRESH_ONLY) {
    Ending ending;
    ending.status = v1::RUN_STATUS_PLANNED_AND_FINISHED;
    ending.drift = result.fold->drift();
    return End(std::move(ending));
  }
  if (absl::Status status = KeepPlan(result); !status.ok()) return status;
  const bool deletes = lease_.run().deletes_stack;
  if (kind == v1::RUN_KIND_PLAN_ONLY || (result.exit.code != 2 && !deletes)) {
    Ending ending;
    ending.status = v1::RUN_STATUS_PLANNED_AND_FINISHED;
    return End(std::move(ending));
  }
  // The plan is kept, and it alone is applied: nothing else can happen than what was looked at here, or by a person.
  if (domain::WaitsForApproval(Policy(), Destroys(*result.fold), deletes)) return WaitForApproval();
  return driver_->cancel_wanted() ? EndCanceled() : ApplyApproved();
}

absl::Status RunWorker::WaitForApproval() {
  parts_.keeper->ReleaseLeft(lease_.run_uid(), lease_.epoch());
  return lease_.Update([](LeasedChange& change) {
    SetStatus(&change, v1::RUN_STATUS_PLANNED, "");
    ReleaseLease(&change.stack);
    change.stack_changed = true;
    change.transaction.Notify(store::kTopicQueue);
    return absl::OkStatus();
  });
}

// A plan changes nothing: a lost one is made again.
absl::Status RunWorker::RetryPlan() {
  if (absl::Status killed = parts_.engine->KillAll(lease_.run_uid()); !killed.ok()) return killed;
  parts_.keeper->ReleaseLeft(lease_.run_uid(), lease_.epoch());
  parts_.counters->recoveries.fetch_add(1, std::memory_order_relaxed);
  const absl::Status counted = lease_.Update([](LeasedChange& change) {
    change.run.record.set_recoveries(change.run.record.recoveries() + 1);
    return absl::OkStatus();
  });
  if (!counted.ok()) return counted;
  if (lease_.run().record.recoveries() > kPlanRetriesMax) {
    Ending ending;
    ending.error =
        RunFailure(absl::StatusCode::kUnavailable, "ENGINE_LOST", "the engine was killed at each of its plans");
    return End(std::move(ending));
  }
  return Execute({.command = FirstCommand()}, v1::RUN_STATUS_UNSPECIFIED);
}

absl::Status RunWorker::ConcludeApply(StepResult result) {
  // A provider that did not answer even the engine's questions would not answer recovery's.
  if (result.lost() && EndedByLimit(result) && !result.fold->touched()) return EndUntouched(result);
  if (result.lost()) return Recover(WhyLost(result, parts_.options.limits), true, false);
  if (result.succeeded()) {
    Ending ending;
    ending.status = v1::RUN_STATUS_APPLIED;
    return End(std::move(ending));
  }
  if (absl::Status taken = parts_.keeper->TakeIn(lease_.run_uid(), lease_.epoch(), /*begun=*/true); !taken.ok()) {
    return taken;
  }
  absl::StatusOr<engine::Leavings> leavings = parts_.engine->Collect(lease_.run_uid());
  if (leavings.ok() && !leavings->errored_state.empty()) {
    const absl::Status written = parts_.keeper->WriteLeft(lease_.run_uid(), lease_.epoch(), leavings->errored_state);
    if (!written.ok() && !absl::IsAborted(written) && !absl::IsInvalidArgument(written)) return written;
  }
  absl::StatusOr<std::vector<LostResource>> lost = FindLostNow();
  if (!lost.ok()) return lost.status();
  if (!lost->empty()) return Recover("the engine failed, and its state lacks what it had made", true, true);
  return result.interrupted ? EndCanceled() : EndFailed(result);
}

absl::StatusOr<std::vector<LostResource>> RunWorker::FindLostNow() {
  absl::StatusOr<Evidence> evidence = GatherEvidence(parts_, lease_.run_uid(), lease_.stack_uid(), /*orderly=*/true);
  if (!evidence.ok()) return evidence.status();
  return FindLost(*evidence);
}

absl::Status RunWorker::Recover(std::string_view why, bool reachable, bool orderly) {
  std::string reason(why);
  for (;;) {
    Recovery recovery(parts_, &lease_, &control_, &*inputs_, &*driver_, reachable);
    absl::StatusOr<Ending> ending = recovery.Run(reason, orderly);
    if (ending.ok()) return End(*std::move(ending));
    if (IsHalt(ending.status()) || !absl::IsAborted(ending.status())) return ending.status();
    if (lease_.run().record.recoveries() > parts_.options.recoveries_max) {
      return absl::FailedPreconditionError("the engine was killed each time that it was to look at what is there");
    }
    reason = "recovery was interrupted itself";
    reachable = true;  // its steps ran here
  }
}

absl::Status RunWorker::KeepPlan(const StepResult& result) {
  absl::StatusOr<engine::Leavings> leavings = parts_.engine->Collect(lease_.run_uid());
  if (!leavings.ok()) return leavings.status();
  absl::StatusOr<store::StackRow> stack = parts_.store->GetStackByUid(lease_.stack_uid());
  if (!stack.ok()) return stack.status();
  v1::Plan view;
  if (result.fold->plan_summary()) *view.mutable_summary() = *result.fold->plan_summary();
  view.mutable_summary()->set_state_serial(stack->state_serial);
  view.mutable_summary()->set_plan_hash(PlanHash(leavings->plan, stack->state_serial));
  for (const v1::ResourceChange& change : result.fold->planned()) *view.add_changes() = change;
  for (const v1::ResourceChange& change : result.fold->drift()) *view.add_drift() = change;
  absl::StatusOr<std::string> plan = parts_.sealer->Seal(BlobContext(lease_.run_uid(), kPlanBlob), leavings->plan);
  if (!plan.ok()) return plan.status();
  absl::StatusOr<std::string> sealed_view =
      parts_.sealer->Seal(BlobContext(lease_.run_uid(), kPlanViewBlob), view.SerializeAsString());
  if (!sealed_view.ok()) return sealed_view.status();
  return lease_.Update([&](LeasedChange& change) -> absl::Status {
    *change.run.record.mutable_plan() = view.summary();
    if (absl::Status put = change.transaction.PutBlob(change.run.uid, kPlanBlob, *plan); !put.ok()) return put;
    return change.transaction.PutBlob(change.run.uid, kPlanViewBlob, *sealed_view);
  });
}

// The approved plan, for an engine that may run on another machine than the one that made it.
absl::StatusOr<std::string> RunWorker::ApprovedPlan() {
  absl::StatusOr<std::string> sealed = parts_.store->GetBlob(lease_.run_uid(), kPlanBlob);
  if (!sealed.ok()) return absl::FailedPreconditionError("the approved plan is not there any more: plan again");
  absl::StatusOr<std::string> plan = parts_.sealer->Open(BlobContext(lease_.run_uid(), kPlanBlob), *sealed);
  if (!plan.ok()) return plan.status();
  absl::StatusOr<store::StackRow> stack = parts_.store->GetStackByUid(lease_.stack_uid());
  if (!stack.ok()) return stack.status();
  if (PlanHash(*plan, stack->state_serial) != lease_.run().record.plan().plan_hash()) {
    return absl::FailedPreconditionError("the state has moved on since the plan was made: plan again");
  }
  return plan;
}

absl::Status RunWorker::EndFailed(const StepResult& result) {
  Ending ending;
  ending.error = EngineError(result.fold->errors(), inputs_->module->module, result.error_text);
  if (EndedByLimit(result)) ending.error = LimitFailure(result, parts_.options.limits);
  return End(std::move(ending));
}

// The engine was killed at its limit before it began to change anything.
absl::Status RunWorker::EndUntouched(const StepResult& result) {
  if (absl::Status killed = parts_.engine->KillAll(lease_.run_uid()); !killed.ok()) return killed;
  Ending ending;
  ending.error = LimitFailure(result, parts_.options.limits);
  return End(std::move(ending));
}

absl::Status RunWorker::EndCanceled() {
  const bool asked = lease_.run().cancel_requested || lease_.run().force_cancel_requested;
  Ending ending;
  ending.status = lease_.run().force_cancel_requested ? v1::RUN_STATUS_FORCE_CANCELED : v1::RUN_STATUS_CANCELED;
  ending.reason = asked ? "cancelled" : "the service was stopped with its runs";
  ending.error = RunFailure(absl::StatusCode::kCancelled, "RUN_CANCELED",
                            asked ? "the run was cancelled" : "the service was stopped with its runs");
  return End(std::move(ending));
}

absl::Status RunWorker::End(Ending ending) {
  const bool keep = ending.status == v1::RUN_STATUS_ERRORED && !ending.notes.empty();
  parts_.keeper->ReleaseLeft(lease_.run_uid(), lease_.epoch());
  // While the stack is still there: cut short here, the end is stored again, and this done again.
  if (lease_.run().deletes_stack && ending.status == v1::RUN_STATUS_APPLIED) parts_.keeper->Forget(lease_.run_uid());
  const telemetry::SpanRef span = telemetry::CurrentSpan();
  span.Annotate("run_status", v1::RunStatus_Name(ending.status));
  if (ending.error) span.SetStatus(core::FromProto(*ending.error));
  if (absl::Status ended = EndRun(parts_, &lease_, inputs_ ? &*inputs_ : nullptr, ending); !ended.ok()) return ended;
  core::Log(core::Severity::kInfo, "a run has ended",
            {{"run", lease_.run_uid()}, {"status", v1::RunStatus_Name(ending.status)}});
  if (keep) return absl::OkStatus();
  if (absl::Status removed = parts_.engine->Remove(lease_.run_uid()); !removed.ok() && !absl::IsNotFound(removed)) {
    core::Log(core::Severity::kWarning, "a work folder could not be removed; it is tried again later",
              {{"run", lease_.run_uid()}, {"reason", core::ToStd(removed.message())}});
  }
  return absl::OkStatus();
}

}  // namespace stratus::provisioning::service
