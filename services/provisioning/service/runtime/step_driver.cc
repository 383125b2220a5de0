#include "services/provisioning/service/runtime/step_driver.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/clock.h"
#include "lib/core/log.h"
#include "lib/core/status.h"
#include "lib/telemetry/span.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/service/runtime/egress_records.h"
#include "services/provisioning/service/runtime/run_network.h"
#include "services/provisioning/service/sealed_names.h"

namespace stratus::provisioning::service {
namespace {

using engine::Command;

constexpr absl::Duration kReadWait = absl::Milliseconds(200);
constexpr absl::Duration kBatchWindow = absl::Milliseconds(25);
constexpr size_t kBatchEventsMax = 500;
constexpr absl::Duration kFlagsEvery = absl::Seconds(2);
constexpr absl::Duration kLaunchRetry = absl::Milliseconds(250);

std::string_view StepName(Command command) {
  switch (command) {
    case Command::kApply: return "apply";
    case Command::kPlan: return "plan";
    case Command::kApplyPlan: return "apply-plan";
    case Command::kDestroy: return "destroy";
    case Command::kPlanDestroy: return "plan-destroy";
    case Command::kRefreshOnly: return "refresh";
    case Command::kShowPlan: return "show";
  }
  return "step";
}

// Plans first and then applies, in one step.
bool PlansAndApplies(Command command) { return command == Command::kApply || command == Command::kDestroy; }

bool ExitsWithTwo(Command command) {
  return command == Command::kPlan || command == Command::kPlanDestroy || command == Command::kRefreshOnly;
}

}  // namespace

bool StepResult::succeeded() const {
  if (lost()) return false;
  return exit.code == 0 || (exit.code == 2 && ExitsWithTwo(command));  // 2: there is something to do
}

bool StepDriver::cancel_wanted() const {
  return lease_.run().cancel_requested || lease_.run().force_cancel_requested || control_.interrupted();
}

absl::Status StepDriver::Announce(const StepOrder& order, v1::RunStatus status) {
  progress_.number += 1;
  progress_.step = absl::StrCat(progress_.number, "-", core::ToAbsl(StepName(order.command)));
  progress_.offset = 0;
  progress_.data_dir_id = parts_.options.data_dir_id;
  progress_.began = absl::Now();
  return lease_.Update([&](LeasedChange& change) -> absl::Status {
    if (status != v1::RUN_STATUS_UNSPECIFIED) SetStatus(&change, status, "");
    v1::Run& record = change.run.record;
    if (!record.has_start_time()) *record.mutable_start_time() = domain::ToProto(absl::Now());
    record.set_module_version(inputs_.module->module.version());
    // What it began with is what has seen all that it made: another one does not take its place. A plan makes nothing,
    // and is looked at as what it was made with.
    const bool plans = ExitsWithTwo(order.command) && record.status() == v1::RUN_STATUS_PLANNING;
    if (const RunCredentials& given = inputs_.credentials; plans || !given.replaced) {
      record.mutable_credentials()->Assign(given.uses.begin(), given.uses.end());
    }
    change.run.work_folder = absl::StrCat(parts_.options.data_dir, "/runs/", change.run.uid);
    if (change.stack.record.current_run() != record.name()) {
      change.stack.record.set_current_run(record.name());
      change.stack_changed = true;
    }
    return change.transaction.PutBlob(change.run.uid, kProgressBlob, ToText(progress_));
  });
}

absl::StatusOr<std::unique_ptr<engine::Watch>> StepDriver::LaunchPatiently(const engine::Step& step) {
  for (;;) {
    absl::StatusOr<std::unique_ptr<engine::Watch>> watch = parts_.engine->Launch(step);
    if (!absl::IsResourceExhausted(watch.status())) return watch;
    if (!control_.Pause(kLaunchRetry)) return Halt("the service stops");
  }
}

absl::StatusOr<StepResult> StepDriver::Launch(const StepOrder& order, v1::RunStatus status) {
  if (control_.halted()) return Halt("the service stops");
  if (absl::Status announced = Announce(order, status); !announced.ok()) return announced;
  engine::Step step;
  step.run_uid = lease_.run_uid();
  step.name = progress_.step;
  step.command = order.command;
  step.module = inputs_.module;
  step.variables_json = inputs_.variables_json;
  step.network = NetworkOf(parts_, lease_.run(), inputs_.module->module.name(), inputs_.credentials.environment);
  step.backend =
      step.network.own ? parts_.backend->ForDoor(lease_.run_uid(), kStatePort) : parts_.backend->For(lease_.run_uid());
  step.secrets = inputs_.credentials.environment;
  step.imports = order.imports;
  step.targets = order.targets;
  step.plan = order.plan;
  step.limits = parts_.options.limits;
  telemetry::Span span = telemetry::CurrentSpan().StartChild("launch", telemetry::SpanKind::kInternal);
  absl::StatusOr<std::unique_ptr<engine::Watch>> watch = LaunchPatiently(step);
  span.SetStatus(watch.status());
  span.End();
  if (!watch.ok()) return watch.status();
  return Follow(*std::move(watch));
}

// One step being followed.
class StepDriver::Following {
 public:
  Following(StepDriver* driver, std::unique_ptr<engine::Watch> watch) : driver_(*driver), watch_(std::move(watch)) {
    result_.command = watch_->command();
    result_.fold = std::make_unique<StepFold>(&driver_.inputs_.redactor, result_.command == Command::kShowPlan);
  }

  absl::StatusOr<StepResult> Run() {
    std::optional<engine::Exit> exit;
    for (;;) {
      if (driver_.control_.halted()) return Halt("the run is not driven here any more");
      if (absl::Status heeded = HeedFlags(); !heeded.ok()) return heeded;
      // Asked before reading: what it wrote before it ended is then read for certain.
      if (!exit) exit = watch_->Poll();
      const bool any = ReadLines(exit.has_value());
      TakeEgressRecords(watch_->TakeEgressRecords(), driver_.lease_.run_uid(), driver_.parts_.counters);
      const bool drained = exit.has_value() && !any;
      if (!batch_.empty() && (drained || BatchIsDue())) {
        if (absl::Status stored = Store(); !stored.ok()) return stored;
      }
      if (drained) break;
    }
    result_.exit = *exit;
    result_.error_text = ValidUtf8(driver_.inputs_.redactor.Apply(watch_->ErrorText()));
    return std::move(result_);
  }

 private:
  bool ReadLines(bool ended) {
    absl::Duration wait = ended ? absl::ZeroDuration() : kReadWait;
    if (!ended && !batch_.empty()) wait = std::max(batch_due_ - core::Clock::Real().Monotonic(), absl::ZeroDuration());
    int64_t at = read_;
    const std::vector<std::string> lines = watch_->Read(&read_, wait);
    const bool was_empty = batch_.empty();
    for (const std::string& line : lines) {
      at = std::min(at + static_cast<int64_t>(line.size()) + 1, read_);  // a torn last line has no end
      const bool stored = at <= driver_.progress_.offset;
      result_.fold->Add(line, stored ? nullptr : &batch_);
    }
    if (was_empty && !batch_.empty()) batch_due_ = core::Clock::Real().Monotonic() + kBatchWindow;
    return !lines.empty();
  }

  bool BatchIsDue() const {
    return batch_.events.size() >= kBatchEventsMax || core::Clock::Real().Monotonic() >= batch_due_;
  }

  absl::Status HeedFlags() {
    const absl::Duration now = core::Clock::Real().Monotonic();
    if (driver_.control_.TakeLook() || now >= flags_due_) {
      flags_due_ = now + kFlagsEvery;
      // A store that does not answer now is asked again in a moment.
      if (absl::Status read = driver_.lease_.Refresh(); absl::IsNotFound(read)) return Halt("the run is gone");
    }
    if (driver_.cancel_wanted() && !result_.interrupted) {
      result_.interrupted = true;
      watch_->Interrupt();
    }
    if (driver_.lease_.run().force_cancel_requested && !killed_) {
      killed_ = true;
      watch_->Kill();
    }
    return absl::OkStatus();
  }

  absl::Status Store() {
    RunProgress next = driver_.progress_;
    next.offset = std::max(next.offset, read_);
    const absl::Status status = driver_.lease_.UpdateOnce([&](LeasedChange& change) -> absl::Status {
      if (driver_.raise_to_applying_ && (result_.fold->plan_summary() || result_.fold->touched())) {
        SetStatus(&change, v1::RUN_STATUS_APPLYING, "");
      }
      if (result_.fold->plan_summary() && change.run.record.status() != v1::RUN_STATUS_RECOVERING) {
        *change.run.record.mutable_plan() = *result_.fold->plan_summary();
      }
      change.events.insert(change.events.end(), batch_.events.begin(), batch_.events.end());
      for (const auto& [key, row] : batch_.ledger) {
        if (absl::Status put = change.transaction.PutLedger(change.run.uid, row); !put.ok()) return put;
      }
      return change.transaction.PutBlob(change.run.uid, kProgressBlob, ToText(next));
    });
    if (absl::IsUnknown(status)) return StoreAfterDoubt(next);
    if (!status.ok()) return status;
    driver_.progress_ = std::move(next);
    batch_ = {};
    return absl::OkStatus();
  }

  // The commit's outcome is unknown: what is stored says whether it was done.
  absl::Status StoreAfterDoubt(const RunProgress& next) {
    while (!driver_.control_.halted()) {
      absl::StatusOr<std::string> text = driver_.parts_.store->GetBlob(driver_.lease_.run_uid(), kProgressBlob);
      if (text.ok()) {
        absl::StatusOr<RunProgress> stored = ProgressFromText(*text);
        if (!stored.ok()) return stored.status();
        if (stored->step != next.step || stored->offset < next.offset) return Store();
        driver_.progress_ = next;
        batch_ = {};
        return absl::OkStatus();
      }
      driver_.control_.Pause(kLaunchRetry);
    }
    return Halt("the service stops");
  }

  StepDriver& driver_;
  const std::unique_ptr<engine::Watch> watch_;
  StepResult result_;
  StepBatch batch_;
  absl::Duration batch_due_ = -absl::InfiniteDuration();  // both by the monotonic clock
  absl::Duration flags_due_ = -absl::InfiniteDuration();
  int64_t read_ = 0;
  bool killed_ = false;
};

absl::StatusOr<StepResult> StepDriver::Follow(std::unique_ptr<engine::Watch> watch) {
  raise_to_applying_ = PlansAndApplies(watch->command()) && lease_.run().record.status() == v1::RUN_STATUS_PLANNING;
  const telemetry::Span span =
      telemetry::CurrentSpan().StartChild(StepName(watch->command()), telemetry::SpanKind::kInternal);
  absl::StatusOr<StepResult> result = Following(this, std::move(watch)).Run();
  if (!result.ok()) {
    span.SetStatus(result.status());
  } else {
    span.Annotate("exit_code", int64_t{result->exit.code});
    if (!result->succeeded()) span.SetOutcome(telemetry::SpanOutcome::kFault);
  }
  return result;
}

}  // namespace stratus::provisioning::service
