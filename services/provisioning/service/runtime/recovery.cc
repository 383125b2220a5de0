#include "services/provisioning/service/runtime/recovery.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/core/clock.h"
#include "lib/core/log.h"
#include "lib/core/status.h"
#include "services/provisioning/service/runtime/evidence.h"
#include "services/provisioning/service/runtime/provider_search.h"
#include "services/provisioning/service/runtime/run_approval.h"
#include "services/provisioning/service/runtime/run_error.h"
#include "services/provisioning/service/runtime/state_document.h"

namespace stratus::provisioning::service {
namespace {

using engine::Command;

constexpr int kEventPage = 1000;
constexpr size_t kNotesMax = 200;

absl::Status InterruptedAgain() { return absl::AbortedError("recovery was interrupted itself"); }

}  // namespace

void Recovery::Note(std::string note) {
  if (notes_.size() < kNotesMax && std::find(notes_.begin(), notes_.end(), note) == notes_.end()) {
    notes_.push_back(std::move(note));
  }
}

engine::Command Recovery::PlanCommand() const {
  return lease_.run().record.kind() == v1::RUN_KIND_DESTROY ? Command::kPlanDestroy : Command::kPlan;
}

absl::StatusOr<Ending> Recovery::Run(std::string_view why, bool orderly) {
  orderly_ = orderly;
  if (absl::Status status = MarkInterrupted(why); !status.ok()) return status;
  if (reachable_) {
    if (absl::Status status = parts_.engine->KillAll(lease_.run_uid()); !status.ok()) return status;
    engine_gone_ = core::Clock::Real().Monotonic();
  }
  if (!parts_.options.recovery) {
    return Ended(v1::RUN_STATUS_ERRORED, "RECOVERY_OFF", "the engine was killed, and recovery is switched off");
  }
  // The dead engine's lock goes first: the state is written under one.
  parts_.keeper->ReleaseLeft(lease_.run_uid(), lease_.epoch());
  if (absl::Status status = parts_.keeper->TakeIn(lease_.run_uid(), lease_.epoch(), /*begun=*/true); !status.ok()) {
    return status;
  }
  if (absl::Status status = TakeInErroredState(); !status.ok()) return status;
  if (absl::Status status = MarkRecovering(); !status.ok()) return status;
  absl::StatusOr<Evidence> evidence = GatherEvidence(parts_, lease_.run_uid(), lease_.stack_uid(), orderly);
  if (!evidence.ok()) return evidence.status();
  if (absl::Status status = Sort(FindLost(*evidence)); !status.ok()) return status;
  if (!to_find_.empty()) {
    if (absl::Status status = Search(*evidence); !status.ok()) return status;
  }
  if (absl::Status status = DropReplaced(); !status.ok()) return status;
  return Finish();
}

absl::Status Recovery::MarkInterrupted(std::string_view why) {
  parts_.counters->recoveries.fetch_add(1, std::memory_order_relaxed);
  core::Log(core::Severity::kWarning, "a run was interrupted", {{"run", lease_.run_uid()}, {"why", why}});
  return lease_.Update([&](LeasedChange& change) {
    SetStatus(&change, v1::RUN_STATUS_INTERRUPTED, why);
    change.run.record.set_recoveries(change.run.record.recoveries() + 1);
    return absl::OkStatus();
  });
}

absl::Status Recovery::TakeInErroredState() {
  if (!reachable_) return absl::OkStatus();
  absl::StatusOr<engine::Leavings> leavings = parts_.engine->Collect(lease_.run_uid());
  if (!leavings.ok() && !absl::IsNotFound(leavings.status())) return leavings.status();
  if (!leavings.ok() || leavings->errored_state.empty()) return absl::OkStatus();
  const absl::Status written = parts_.keeper->WriteLeft(lease_.run_uid(), lease_.epoch(), leavings->errored_state);
  if (written.ok()) Note("the state that the engine could not post was taken from its file");
  // An older or a torn one tells nothing that the ledger and the provider do not.
  if (absl::IsAborted(written) || absl::IsInvalidArgument(written)) return absl::OkStatus();
  return written;
}

absl::Status Recovery::MarkRecovering() {
  return lease_.Update([](LeasedChange& change) {
    SetStatus(&change, v1::RUN_STATUS_RECOVERING, "");
    // The dead engine's lock goes, so that nothing that it might still post is taken.
    change.stack.lock_id.clear();
    change.stack.lock_info.clear();
    change.stack.lock_epoch = 0;
    change.stack_changed = true;
    return absl::OkStatus();
  });
}

absl::Status Recovery::Sort(const std::vector<LostResource>& lost) {
  for (const LostResource& resource : lost) {
    if (!resource.replaces.empty()) replaced_[resource.address] = resource.replaces;
    if (!resource.question.empty()) {
      undecided_.insert(resource.address);
      Note(absl::StrCat(resource.address, resource.id.empty() ? "" : absl::StrCat(", id ", resource.id), ": ",
                        resource.question));
    } else if (!resource.id.empty()) {
      imports_.push_back({resource.address, resource.id});
      Note(absl::StrCat(resource.address, " had been made, with the id ", resource.id, ": it is imported"));
    } else if (parts_.finder == nullptr || !parts_.finder->Knows(resource.type)) {
      undecided_.insert(resource.address);
      Note(absl::StrCat(resource.address, " had been begun, and resources of the type ", resource.type,
                        " cannot be looked for: see whether it is there, and import it if it is"));
    } else if (inputs_.credentials.replaced) {
      undecided_.insert(resource.address);
      Note(absl::StrCat(resource.address,
                        " had been begun with a credential that is not there any more, and the present "
                        "one may not see it: see whether it is there, and import it if it is"));
    } else {
      to_find_.push_back(resource);
    }
  }
  return absl::OkStatus();
}

absl::Status Recovery::WaitUntilSettled() {
  absl::Duration settle = absl::ZeroDuration();
  for (const LostResource& resource : to_find_) settle = std::max(settle, parts_.finder->SettleTime(resource.type));
  const absl::Duration left = engine_gone_ + settle - core::Clock::Real().Monotonic();
  return control_.Pause(left) ? absl::OkStatus() : Halt("the service stops");
}

absl::Status Recovery::Search(const Evidence& evidence) {
  if (absl::Status status = WaitUntilSettled(); !status.ok()) return status;
  absl::StatusOr<std::vector<PlannedResource>> plan = Plan({});
  if (!plan.ok()) return plan.status();
  const auto environment = [this](std::string_view name) {
    const auto& given = inputs_.credentials.environment;
    const auto found = given.find(std::string(name));
    return found == given.end() ? std::string() : found->second;
  };
  ProviderSearch search(parts_.finder, &control_, environment,
                        {.run_uid = lease_.run_uid(), .patience = parts_.options.find_patience});
  absl::StatusOr<ProviderSearch::Answer> answer = search.Ask(to_find_, *plan);
  if (!answer.ok()) return answer.status();
  for (const auto& [address, why] : answer->unanswered) {
    undecided_.insert(address);
    Note(absl::StrCat(address, " had been begun, and nobody can say whether it is there: ", why));
  }
  std::set<std::string> taken;
  std::map<std::string, std::string> types;
  for (const store::LedgerRow& row : evidence.ledger) {
    types[row.address] = row.resource_type;
    if (!row.id.empty()) taken.insert(absl::StrCat(row.resource_type, "/", row.id));
  }
  for (const PlannedResource& planned : *plan) types[planned.address] = planned.type;
  for (const auto& [address, id] : evidence.state) taken.insert(absl::StrCat(types[address], "/", id));
  std::vector<LostResource> answered;
  for (const LostResource& resource : to_find_) {
    if (!undecided_.contains(resource.address)) answered.push_back(resource);
  }
  Assignment assignment = Assign(answered, answer->found, taken);
  imports_.insert(imports_.end(), assignment.imports.begin(), assignment.imports.end());
  undecided_.insert(assignment.undecided.begin(), assignment.undecided.end());
  for (std::string& note : assignment.notes) Note(std::move(note));
  return absl::OkStatus();
}

absl::Status Recovery::DropReplaced() {
  for (const engine::Import& import : imports_) {
    const auto former = replaced_.find(import.address);
    if (former == replaced_.end()) continue;
    absl::StatusOr<std::optional<std::string>> text = parts_.keeper->Newest(lease_.stack_uid());
    if (!text.ok()) return text.status();
    if (!text->has_value()) continue;
    absl::StatusOr<std::string> without = WithoutResource(**text, import.address);
    if (absl::IsNotFound(without.status())) continue;
    if (!without.ok()) return without.status();
    const absl::Status written = parts_.keeper->WriteLeft(lease_.run_uid(), lease_.epoch(), *without);
    if (!written.ok()) return written;
    Note(absl::StrCat(import.address, " had replaced ", former->second, ", which had been destroyed"));
  }
  return absl::OkStatus();
}

absl::StatusOr<StepResult> Recovery::Step(const StepOrder& order) {
  absl::StatusOr<StepResult> result = driver_.Launch(order, v1::RUN_STATUS_UNSPECIFIED);
  if (!result.ok()) return result.status();
  if (result->lost()) return InterruptedAgain();
  return result;
}

// An import that the provider refuses must not hold up the others.
bool Recovery::DropRefusedImports(const std::vector<v1::Diagnostic>& errors) {
  const size_t before = imports_.size();
  for (const v1::Diagnostic& error : errors) {
    // The engine's words are redacted by now.
    const auto names = [&](const engine::Import& import) {
      const std::string address = inputs_.redactor.Address(import.address);
      return error.address() == address || absl::StrContains(error.detail(), address) ||
             absl::StrContains(error.detail(), absl::StrCat("\"", inputs_.redactor.Apply(import.id), "\""));
    };
    for (const engine::Import& import : imports_) {
      if (!names(import)) continue;
      const bool gone = absl::StrContains(error.summary(), "non-existent");
      if (!gone) undecided_.insert(import.address);
      Note(absl::StrCat(import.address, ", id ", import.id,
                        gone ? ", is not there any more" : ", could not be imported: ", gone ? "" : error.summary()));
    }
    imports_.erase(std::remove_if(imports_.begin(), imports_.end(), names), imports_.end());
  }
  return imports_.size() < before;
}

absl::StatusOr<std::vector<PlannedResource>> Recovery::Plan(std::vector<std::string> targets) {
  for (;;) {
    absl::StatusOr<StepResult> planned = Step({PlanCommand(), imports_, targets});
    if (!planned.ok()) return planned.status();
    if (planned->succeeded()) break;
    if (DropRefusedImports(planned->fold->errors())) continue;
    const google::rpc::Status error = EngineError(planned->fold->errors(), inputs_.module->module, planned->error_text);
    return absl::FailedPreconditionError(absl::StrCat("recovery's plan failed: ", error.message()));
  }
  absl::StatusOr<StepResult> shown = Step({.command = Command::kShowPlan});
  if (!shown.ok()) return shown.status();
  if (!shown->succeeded()) return absl::FailedPreconditionError("recovery's plan cannot be read");
  absl::StatusOr<std::vector<PlannedResource>> plan = ReadPlan(shown->fold->raw());
  if (!plan.ok()) return plan.status();
  for (PlannedResource& resource : *plan) resource.told = inputs_.redactor.Address(resource.address);
  return plan;
}

Ending Recovery::Ended(v1::RunStatus status, std::string_view reason, std::string_view message) const {
  Ending ending;
  ending.status = status;
  ending.reason = message;
  ending.notes = notes_;
  const absl::StatusCode code = status == v1::RUN_STATUS_CANCELED || status == v1::RUN_STATUS_FORCE_CANCELED
                                    ? absl::StatusCode::kCancelled
                                    : absl::StatusCode::kFailedPrecondition;
  ending.error = RunFailure(code, reason, message);
  return ending;
}

Ending Recovery::NeedsAPerson() const {
  return Ended(v1::RUN_STATUS_ERRORED, "NEEDS_ATTENTION",
               "the engine was killed, and what it left needs a decision: see recovery_notes");
}

// A run that waits for a person goes on with what was approved: the same changes of the same module, over what they
// have already done (Objections compares them).
std::vector<std::string> Recovery::ApprovalObjections(const std::vector<v1::RunEvent>& events) const {
  const v1::Run& record = lease_.run().record;
  const v1::Module& module = inputs_.module->module;
  if (!domain::PlansFirst(PolicyOfRun(parts_, lease_.run(), module))) return {};
  std::vector<std::string> objections;
  if (!WasLetThrough(events)) objections.push_back("its plan had not been approved");
  if (!IntentionsOf(events).known) objections.push_back("the plan that was approved is not known any more");
  if (record.module_version() != module.version()) {
    objections.push_back(absl::StrCat("the plan was approved for version ", record.module_version(),
                                      " of the module, which is at ", module.version(), " now"));
  }
  return objections;
}

absl::StatusOr<Ending> Recovery::Finish() {
  absl::StatusOr<std::vector<PlannedResource>> plan = Plan({});
  if (absl::IsFailedPrecondition(plan.status())) {
    for (const engine::Import& import : imports_) {
      Note(absl::StrCat(import.address, ", id ", import.id, ", is not in the state yet: import it"));
    }
    Note(std::string(core::ToStd(plan.status().message())));
    return NeedsAPerson();
  }
  if (!plan.ok()) return plan.status();

  std::vector<v1::RunEvent> events;
  for (int64_t after = 0;;) {
    absl::StatusOr<std::vector<store::EventRow>> page = parts_.store->Events(lease_.run_uid(), after, kEventPage);
    if (!page.ok()) return page.status();
    if (page->empty()) break;
    after = page->back().sequence;
    for (store::EventRow& row : *page) events.push_back(std::move(row.event));
  }
  std::set<std::string> imported;
  for (const engine::Import& import : imports_) imported.insert(import.address);
  std::vector<std::string> objections = Objections(*plan, IntentionsOf(events), imported, undecided_);
  if (!undecided_.empty() && objections.empty()) objections.push_back("some of it needs a decision");
  for (std::string& objection : ApprovalObjections(events)) objections.push_back(std::move(objection));
  const bool over = lease_.run().record.recoveries() > parts_.options.recoveries_max;
  if (over) objections.push_back("it was interrupted too often");
  if (inputs_.redactor.withholds()) objections.push_back("its events do not tell which keys it had planned for");
  if (orderly_) objections.push_back("the engine had failed, and its state lacked what it had made");
  if (driver_.cancel_wanted() || !objections.empty()) return ImportAlone(*std::move(plan), objections);

  absl::StatusOr<StepResult> applied = Step({.command = Command::kApplyPlan});
  if (!applied.ok()) return applied.status();
  parts_.counters->imports.fetch_add(imports_.size(), std::memory_order_relaxed);
  if (applied->succeeded()) {
    Ending ending;
    ending.status = v1::RUN_STATUS_APPLIED;
    ending.reason = "recovered";
    ending.notes = notes_;
    return ending;
  }
  if (absl::Status status = TakeInErroredState(); !status.ok()) return status;
  Ending ending = Ended(v1::RUN_STATUS_ERRORED, "ENGINE_FAILED", "the rest could not be applied");
  ending.error = EngineError(applied->fold->errors(), inputs_.module->module, applied->error_text);
  return ending;
}

absl::StatusOr<Ending> Recovery::ImportAlone(std::vector<PlannedResource> plan,
                                             const std::vector<std::string>& objections) {
  const std::vector<engine::Import> harmless = HarmlessImports(plan, imports_);
  for (const engine::Import& import : imports_) {
    const bool left = std::none_of(harmless.begin(), harmless.end(),
                                   [&](const engine::Import& one) { return one.address == import.address; });
    if (left) Note(absl::StrCat(import.address, ", id ", import.id, ", would be replaced: it is not imported"));
  }
  imports_ = harmless;
  if (!imports_.empty()) {
    std::vector<std::string> targets;
    for (const engine::Import& import : imports_) targets.push_back(import.address);
    absl::StatusOr<std::vector<PlannedResource>> narrow = Plan(targets);
    if (!narrow.ok() && !absl::IsFailedPrecondition(narrow.status())) return narrow.status();
    const bool harmful = !narrow.ok() || std::any_of(narrow->begin(), narrow->end(), [](const PlannedResource& one) {
      return one.action == v1::ResourceChange::ACTION_CREATE || one.action == v1::ResourceChange::ACTION_REPLACE ||
             one.action == v1::ResourceChange::ACTION_DELETE;
    });
    if (harmful) {
      for (const engine::Import& import : imports_) {
        Note(absl::StrCat(import.address, ", id ", import.id, ", is not in the state yet: import it"));
      }
    } else {
      absl::StatusOr<StepResult> applied = Step({.command = Command::kApplyPlan});
      if (!applied.ok()) return applied.status();
      if (applied->succeeded()) parts_.counters->imports.fetch_add(imports_.size(), std::memory_order_relaxed);
      if (absl::Status status = TakeInErroredState(); !status.ok()) return status;
    }
  }
  if (driver_.cancel_wanted() && undecided_.empty()) {
    const bool forced = lease_.run().force_cancel_requested;
    return Ended(forced ? v1::RUN_STATUS_FORCE_CANCELED : v1::RUN_STATUS_CANCELED, "RUN_CANCELED",
                 "the run was cancelled; what it had made is in the state");
  }
  for (const std::string& objection : objections) Note(objection);
  return NeedsAPerson();
}

}  // namespace stratus::provisioning::service
