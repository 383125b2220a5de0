#include "services/provisioning/service/runtime/housekeeping.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/log.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/domain/principals.h"
#include "services/provisioning/domain/run_status.h"
#include "services/provisioning/domain/uid.h"
#include "services/provisioning/service/runtime/run_approval.h"
#include "services/provisioning/service/sealed_names.h"

namespace stratus::provisioning::service {
namespace {

constexpr int kDueMax = 100;
constexpr absl::Duration kExpiryRetry = absl::Minutes(10);
constexpr absl::Duration kDriftIntervalMin = absl::Minutes(5);
constexpr absl::Duration kFolderAgeMin = absl::Minutes(1);

absl::Duration DriftInterval(const store::StackRow& stack) {
  if (!stack.record.has_drift_interval()) return absl::InfiniteDuration();
  const google::protobuf::Duration& interval = stack.record.drift_interval();
  return std::max(kDriftIntervalMin, absl::Seconds(interval.seconds()) + absl::Nanoseconds(interval.nanos()));
}

// When the stack is looked at next.
void Reschedule(Due due, absl::Time now, store::StackRow* stack) {
  if (stack->expire_time <= now) {
    // A protected stack does not expire; one whose destruction fails is tried again.
    stack->expire_time = stack->record.protected_() ? absl::InfiniteFuture() : now + kExpiryRetry;
  }
  if (stack->next_drift_check <= now) {
    const absl::Duration interval = DriftInterval(*stack);
    const bool tried = due == Due::kCheckDrift || stack->state_serial == 0;
    stack->next_drift_check = now + (tried ? interval : std::min(interval, kDriftIntervalMin));
  }
}

store::RunRow SystemRun(const RuntimeParts& parts, const store::StackRow& stack, Due due) {
  store::RunRow run;
  run.uid = domain::NewUid();
  run.stack_uid = stack.uid;
  run.stack_id = stack.id;
  run.tenant = stack.tenant;
  run.deletes_stack = due == Due::kDestroy;
  v1::Run& record = run.record;
  record.set_name(domain::RunNameOf(stack.id, run.uid));
  record.set_kind(due == Due::kDestroy ? v1::RUN_KIND_DESTROY : v1::RUN_KIND_REFRESH_ONLY);
  record.set_status(v1::RUN_STATUS_PENDING);
  // An expiry waits as a deletion does.
  record.set_approval_policy(StackPolicy(parts, stack));
  *record.mutable_created_by() = domain::SystemPrincipal();
  record.set_creator(record.created_by().name());
  record.set_message(due == Due::kDestroy ? "the stack has expired" : "drift check");
  *record.mutable_create_time() = domain::ToProto(absl::Now());
  return run;
}

absl::Status Insert(store::Transaction& transaction, store::RunRow* run) {
  if (absl::Status inserted = transaction.InsertRun(*run); !inserted.ok()) return inserted;
  v1::RunEvent event;
  *event.mutable_time() = run->record.create_time();
  event.mutable_status_changed()->set_to(v1::RUN_STATUS_PENDING);
  event.mutable_status_changed()->set_reason(run->record.message());
  if (absl::Status added = transaction.AppendEvents(run, {std::move(event)}); !added.ok()) return added;
  return transaction.PutRun(run);
}

}  // namespace

Due WhatIsDue(const store::StackRow& stack, bool busy, absl::Time now) {
  if (busy) return Due::kNothing;
  if (stack.expire_time <= now && !stack.record.protected_()) return Due::kDestroy;
  if (stack.next_drift_check <= now && stack.state_serial > 0) return Due::kCheckDrift;
  return Due::kNothing;
}

void Housekeeping::Once(absl::Time now) {
  QueueDue(now);
  CountOpenRuns();
  if (absl::StatusOr<int64_t> swept = parts_.store->Sweep(now, now - parts_.options.events_kept); !swept.ok()) {
    core::Log(core::Severity::kWarning, "old rows could not be dropped; it is tried again",
              {{"reason", core::ToStd(swept.status().message())}});
  }
  RemoveFolders();
  parts_.engine->Tidy();
}

// For metrics, which must not wait for the store.
void Housekeeping::CountOpenRuns() {
  const absl::StatusOr<std::map<v1::RunStatus, int64_t>> counts = parts_.store->CountOpenRuns();
  if (!counts.ok()) return;
  for (size_t status = 0; status < parts_.counters->open.size(); ++status) {
    const auto found = counts->find(static_cast<v1::RunStatus>(status));
    parts_.counters->open[status].store(found == counts->end() ? 0 : found->second, std::memory_order_relaxed);
  }
}

void Housekeeping::QueueDue(absl::Time now) {
  absl::StatusOr<std::vector<store::StackRow>> due = parts_.store->DueStacks(now, kDueMax);
  if (!due.ok()) return;
  for (const store::StackRow& stack : *due) {
    if (absl::Status queued = Queue(stack.uid, now); !queued.ok() && !absl::IsNotFound(queued)) {
      core::Log(core::Severity::kWarning, "a due run could not be queued; it is tried again",
                {{"stack", stack.uid}, {"reason", core::ToStd(queued.message())}});
    }
  }
}

absl::Status Housekeeping::Queue(const std::string& stack_uid, absl::Time now) {
  std::string audit_line;
  const absl::Status queued = parts_.store->Transact([&](store::Transaction& transaction) -> absl::Status {
    audit_line.clear();
    absl::StatusOr<store::StackRow> stack = transaction.GetStackByUid(stack_uid);
    if (!stack.ok()) return stack.status();
    absl::StatusOr<std::vector<store::RunRow>> open = transaction.OpenRuns(stack_uid);
    if (!open.ok()) return open.status();
    const Due due = WhatIsDue(*stack, !open->empty(), now);
    Reschedule(due, now, &*stack);
    if (due != Due::kNothing) {
      store::RunRow run = SystemRun(parts_, *stack, due);
      absl::StatusOr<std::string> variables =
          parts_.sealer->Open(StackVariablesContext(stack->uid), stack->sealed_variables);
      if (!variables.ok()) return variables.status();
      absl::StatusOr<std::string> sealed = parts_.sealer->Seal(RunVariablesContext(run.uid), *variables);
      if (!sealed.ok()) return sealed.status();
      run.sealed_variables = *std::move(sealed);
      if (absl::Status inserted = Insert(transaction, &run); !inserted.ok()) return inserted;
      stack->record.set_state(v1::Stack::STATE_BUSY);
      stack->record.set_current_run(run.record.name());
      transaction.Notify(store::kTopicQueue);
    }
    if (absl::Status put = transaction.PutStack(&*stack); !put.ok() || due != Due::kDestroy) return put;
    absl::StatusOr<std::string> line = transaction.AppendAudit(
        stack->tenant,
        SystemEvent("ExpireStack", stack->record.name(), "OK", stack->record.current_run(), absl::Now()));
    if (line.ok()) audit_line = *std::move(line);
    return line.status();
  });
  if (queued.ok() && parts_.audit != nullptr) parts_.audit->Copy(audit_line);
  return queued;
}

// Folders of runs that have ended, or are gone with their stacks. Those that a person may have to look at stay for a
// day.
void Housekeeping::RemoveFolders() {
  for (const std::string& uid : parts_.engine->Folders()) {
    absl::StatusOr<store::RunRow> run = parts_.store->GetRun(uid);
    if (!run.ok() && !absl::IsNotFound(run.status())) continue;
    if (run.ok()) {
      if (!domain::IsTerminal(run->record.status())) continue;
      const absl::Time ended = domain::FromProto(run->record.end_time());
      const bool kept = run->record.status() == v1::RUN_STATUS_ERRORED && !run->record.recovery_notes().empty();
      if (absl::Now() < ended + (kept ? absl::Hours(24) : kFolderAgeMin)) continue;
    }
    if (absl::Status killed = parts_.engine->KillAll(uid); !killed.ok()) continue;
    parts_.engine->Remove(uid).IgnoreError();  // the next round tries again
  }
}

}  // namespace stratus::provisioning::service
