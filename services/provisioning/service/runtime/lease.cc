#include "services/provisioning/service/runtime/lease.h"

#include <algorithm>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "lib/core/log.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"

namespace stratus::provisioning::service {
namespace {

constexpr char kHaltType[] = "stratus.dev/halt";
constexpr absl::Duration kRetryFirst = absl::Milliseconds(100);
constexpr absl::Duration kRetryMax = absl::Seconds(5);

}  // namespace

absl::Status Halt(std::string_view why) {
  absl::Status status = absl::AbortedError(core::ToAbsl(why));
  status.SetPayload(kHaltType, absl::Cord());
  return status;
}

bool IsHalt(const absl::Status& status) { return status.GetPayload(kHaltType).has_value(); }

Lease::Lease(store::Store* store, const store::RunRow& run, RunControl* control)
    : store_(*store), control_(*control), epoch_(run.epoch), run_(run) {}

absl::Status Lease::Update(absl::FunctionRef<absl::Status(LeasedChange&)> change) { return Persist(change, true); }

absl::Status Lease::UpdateOnce(absl::FunctionRef<absl::Status(LeasedChange&)> change) { return Persist(change, false); }

absl::Status Lease::Persist(absl::FunctionRef<absl::Status(LeasedChange&)> change, bool again_when_unknown) {
  absl::Duration wait = kRetryFirst;
  for (;;) {
    if (control_.lease_lost()) return Halt("the lease is lost");
    const absl::Status status = TryUpdate(change);
    const bool again = absl::IsUnavailable(status) || (again_when_unknown && absl::IsUnknown(status));
    if (!again) return status;
    if (control_.halted()) return Halt("the service stops");
    core::Log(core::Severity::kWarning, "the store does not take a run's progress; it is tried again",
              {{"run", run_.uid}, {"reason", core::ToStd(status.message())}});
    control_.Pause(wait);
    wait = std::min(wait * 2, kRetryMax);
  }
}

absl::Status Lease::TryUpdate(absl::FunctionRef<absl::Status(LeasedChange&)> change) {
  store::RunRow after;
  std::string audit_line;
  const absl::Status status = store_.Transact([&](store::Transaction& transaction) -> absl::Status {
    absl::StatusOr<store::StackRow> stack = transaction.GetStackByUid(run_.stack_uid);
    if (absl::IsNotFound(stack.status())) return Halt("the stack is gone");
    if (!stack.ok()) return stack.status();
    if (stack->lease_run != run_.uid || stack->epoch != epoch_) return Halt("the lease is another's");
    absl::StatusOr<store::RunRow> run = transaction.GetRun(run_.uid);
    if (!run.ok()) return run.status();

    LeasedChange leased{transaction, *stack, *run};
    if (absl::Status changed = change(leased); !changed.ok()) return changed;
    if (!leased.events.empty()) {
      if (absl::Status added = transaction.AppendEvents(&*run, std::move(leased.events)); !added.ok()) return added;
    }
    if (absl::Status put = transaction.PutRun(&*run); !put.ok()) return put;
    if (leased.delete_stack) {
      if (absl::Status gone = transaction.DeleteStack(stack->uid); !gone.ok()) return gone;
    } else if (leased.stack_changed) {
      if (absl::Status put = transaction.PutStack(&*stack); !put.ok()) return put;
    }
    audit_line.clear();
    if (leased.audit) {
      absl::StatusOr<std::string> line = transaction.AppendAudit(run->tenant, *leased.audit);
      if (!line.ok()) return line.status();
      audit_line = *std::move(line);
    }
    transaction.Notify(absl::StrCat(core::ToAbsl(store::kTopicRun), run_.uid));
    after = *std::move(run);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  run_ = std::move(after);
  audit_line_ = std::move(audit_line);
  return status;
}

absl::Status Lease::Refresh() {
  absl::StatusOr<store::RunRow> run = store_.GetRun(run_.uid);
  if (!run.ok()) return run.status();
  run_ = *std::move(run);
  return absl::OkStatus();
}

void SetStatus(LeasedChange* change, v1::RunStatus to, std::string_view reason) {
  const v1::RunStatus from = change->run.record.status();
  if (from == to) return;
  v1::RunEvent event;
  *event.mutable_time() = domain::ToProto(absl::Now());
  event.mutable_status_changed()->set_from(from);
  event.mutable_status_changed()->set_to(to);
  event.mutable_status_changed()->set_reason(std::string(reason));
  change->events.push_back(std::move(event));
  change->run.record.set_status(to);
}

void ReleaseLease(store::StackRow* stack) {
  stack->lease_run.clear();
  stack->lease_holder.clear();
  stack->lease_expires = absl::InfinitePast();
  stack->lock_id.clear();
  stack->lock_info.clear();
  stack->lock_epoch = 0;
}

}  // namespace stratus::provisioning::service
