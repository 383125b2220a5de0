#include "services/provisioning/service/api/runs.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/run_status.h"
#include "services/provisioning/service/api/mutation.h"
#include "services/provisioning/service/api/present.h"

namespace stratus::provisioning::service {
namespace {

absl::Status BadRunName() { return core::InvalidField("name", "must be `stacks/{stack}/runs/{run}`"); }

bool IsOf(const store::RunRow& run, const Caller& caller, std::string_view stack_id) {
  return run.tenant == caller.tenant && run.stack_id == stack_id;
}

absl::Status WrongStatus(const store::RunRow& run, std::string_view needed) {
  return absl::FailedPreconditionError(absl::StrCat(domain::RunNameOf(run.stack_id, run.uid), " is ",
                                                    v1::RunStatus_Name(run.record.status()), ", not ",
                                                    core::ToAbsl(needed)));
}

absl::StatusOr<v1::RunKind> RequestedKind(v1::RunKind kind) {
  switch (kind) {
    case v1::RUN_KIND_UNSPECIFIED: return v1::RUN_KIND_APPLY;
    case v1::RUN_KIND_APPLY:
    case v1::RUN_KIND_PLAN_ONLY:
    case v1::RUN_KIND_DESTROY:
    case v1::RUN_KIND_REFRESH_ONLY: return kind;
    default:
      return core::InvalidField(
          "run.kind", "must be RUN_KIND_APPLY, RUN_KIND_PLAN_ONLY, RUN_KIND_DESTROY or RUN_KIND_REFRESH_ONLY");
  }
}

}  // namespace

absl::StatusOr<v1::Run> Runs::Queue(const Caller& caller, std::string_view method, const std::string& stack,
                                    const std::string& request_id, const google::protobuf::Message& request,
                                    Spec spec) {
  const Mutation mutation{caller, method, domain::StackName(stack), request_id, request};
  return Mutate<v1::Run>(parts_, mutation, [&](store::Transaction& transaction) -> absl::StatusOr<v1::Run> {
    if (absl::Status status = LockQuota(transaction, caller.tenant); !status.ok()) return status;
    auto row = Named(transaction.GetStack(caller.tenant, stack), domain::StackName(stack));
    if (!row.ok()) return row.status();
    const absl::StatusOr<NewRun> wanted = spec(transaction, *row);
    if (!wanted.ok()) return wanted.status();
    const auto variables = OpenVariables(parts_, *row);
    if (!variables.ok()) return variables.status();
    const auto run = QueueRun(parts_, transaction, caller, *wanted, *variables, &*row);
    if (!run.ok()) return run.status();
    if (absl::Status status = transaction.PutStack(&*row); !status.ok()) return status;
    return PresentRun(*run);
  });
}

absl::StatusOr<v1::Run> Runs::Create(const Caller& caller, const v1::CreateRunRequest& request) {
  domain::Violations violations;
  const auto stack = domain::ParseStackName(request.parent());
  if (!stack) violations.Add("parent", "must be `stacks/{stack}`");
  domain::CheckText(request.run().message(), "run.message", &violations);
  const auto kind = RequestedKind(request.run().kind());
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  if (!kind.ok()) return kind.status();
  return Queue(caller, "CreateRun", *stack, request.request_id(), request,
               [&](store::Transaction&, const store::StackRow& row) -> absl::StatusOr<NewRun> {
                 const bool approve =
                     request.run().has_auto_approve() ? request.run().auto_approve() : row.record.auto_approve();
                 return NewRun{.kind = *kind, .auto_approve = approve, .message = request.run().message()};
               });
}

absl::StatusOr<v1::Run> Runs::CheckDrift(const Caller& caller, const v1::CheckDriftRequest& request) {
  const auto stack = domain::ParseStackName(request.name());
  if (!stack) return core::InvalidField("name", "must be `stacks/{stack}`");
  return Queue(caller, "CheckDrift", *stack, request.request_id(), request,
               [](store::Transaction&, const store::StackRow&) -> absl::StatusOr<NewRun> {
                 return NewRun{.kind = v1::RUN_KIND_REFRESH_ONLY, .message = "drift check"};
               });
}

absl::StatusOr<v1::Run> Runs::Retry(const Caller& caller, const v1::RetryRunRequest& request) {
  const auto name = domain::ParseRunName(request.name());
  if (!name) return BadRunName();
  return Queue(caller, "RetryRun", name->stack, request.request_id(), request,
               [&](store::Transaction& transaction, const store::StackRow& row) -> absl::StatusOr<NewRun> {
                 const auto run = Named(transaction.GetRun(name->run), request.name());
                 if (!run.ok()) return run.status();
                 if (run->stack_uid != row.uid) return NoSuch(request.name());
                 if (!domain::MayRetry(run->record.status())) {
                   return WrongStatus(*run, "one that ended without success");
                 }
                 return NewRun{.kind = run->record.kind(),
                               .auto_approve = run->record.auto_approve(),
                               .deletes_stack = run->deletes_stack,
                               .message = run->record.message()};
               });
}

absl::StatusOr<v1::Run> Runs::ChangeRun(const Caller& caller, std::string_view method, const std::string& name,
                                        const std::string& request_id, const google::protobuf::Message& request,
                                        Change change) {
  const auto parsed = domain::ParseRunName(name);
  if (!parsed) return BadRunName();
  const Mutation mutation{caller, method, name, request_id, request};
  return Mutate<v1::Run>(parts_, mutation, [&](store::Transaction& transaction) -> absl::StatusOr<v1::Run> {
    // Stack before run, as everywhere: two transactions that take both never wait for each other.
    auto stack = Named(transaction.GetStack(caller.tenant, parsed->stack), name);
    if (!stack.ok()) return stack.status();
    auto run = Named(transaction.GetRun(parsed->run), name);
    if (!run.ok()) return run.status();
    if (run->stack_uid != stack->uid) return NoSuch(name);
    if (absl::Status status = change(transaction, &*stack, &*run); !status.ok()) return status;
    return PresentRun(*run);
  });
}

absl::StatusOr<v1::Run> Runs::Approve(const Caller& caller, const v1::ApproveRunRequest& request) {
  if (request.plan_hash().empty()) return core::InvalidField("plan_hash", "is required: Run.plan.plan_hash");
  return ChangeRun(
      caller, "ApproveRun", request.name(), request.request_id(), request,
      [&](store::Transaction& transaction, store::StackRow* stack, store::RunRow* run) -> absl::Status {
        if (!domain::MayApprove(run->record.status())) return WrongStatus(*run, "RUN_STATUS_PLANNED");
        const v1::PlanSummary& plan = run->record.plan();
        if (request.plan_hash() != plan.plan_hash()) {
          return absl::FailedPreconditionError("plan_hash is not that of the run's plan: read the plan again");
        }
        if (plan.state_serial() != stack->state_serial) {
          return absl::FailedPreconditionError(
              absl::StrCat("the plan is stale: it was made from state ", plan.state_serial(), ", and the stack has ",
                           stack->state_serial, " now; discard the run and plan again"));
        }
        if (run->record.kind() == v1::RUN_KIND_DESTROY && stack->record.protected_()) {
          return absl::FailedPreconditionError(
              absl::StrCat(domain::StackName(stack->id), " is protected: set `protected` to false first"));
        }
        transaction.Notify(store::kTopicQueue);
        return MoveRun(parts_, transaction, v1::RUN_STATUS_CONFIRMED, absl::StrCat("approved by ", caller.principal),
                       run);
      });
}

v1::Stack::State Runs::SettledStateFor(const Caller& caller, const std::string& stack_id) {
  const auto stack = parts_.store->GetStack(caller.tenant, stack_id);
  return stack.ok() ? SettledStateOf(parts_, *stack) : v1::Stack::STATE_NEW;
}

absl::StatusOr<v1::Run> Runs::Discard(const Caller& caller, const v1::DiscardRunRequest& request) {
  const auto name = domain::ParseRunName(request.name());
  if (!name) return BadRunName();
  const v1::Stack::State settled = SettledStateFor(caller, name->stack);
  return ChangeRun(caller, "DiscardRun", request.name(), request.request_id(), request,
                   [&](store::Transaction& transaction, store::StackRow* stack, store::RunRow* run) -> absl::Status {
                     if (!domain::MayApprove(run->record.status())) return WrongStatus(*run, "RUN_STATUS_PLANNED");
                     absl::Status status = MoveRun(parts_, transaction, v1::RUN_STATUS_DISCARDED,
                                                   absl::StrCat("discarded by ", caller.principal), run);
                     return status.ok() ? SettleStack(parts_, transaction, *run, settled, stack) : status;
                   });
}

// A run that no engine works on ends at once; another is asked to.
absl::Status Runs::EndOrAsk(store::Transaction& transaction, v1::Stack::State settled, store::StackRow* stack,
                            store::RunRow* run) {
  run->cancel_requested = true;
  if (stack->lease_run == run->uid || !domain::IsWaiting(run->record.status())) {
    transaction.Notify(std::string(store::kTopicRun) + run->uid);
    return transaction.PutRun(run);
  }
  *run->record.mutable_error() = core::ToProto(absl::CancelledError("the run was cancelled before it was applied"));
  absl::Status status = MoveRun(parts_, transaction, v1::RUN_STATUS_CANCELED, "cancelled", run);
  return status.ok() ? SettleStack(parts_, transaction, *run, settled, stack) : status;
}

absl::StatusOr<v1::Run> Runs::Cancel(const Caller& caller, const v1::CancelRunRequest& request) {
  const auto name = domain::ParseRunName(request.name());
  if (!name) return BadRunName();
  const v1::Stack::State settled = SettledStateFor(caller, name->stack);
  return ChangeRun(caller, "CancelRun", request.name(), request.request_id(), request,
                   [&](store::Transaction& transaction, store::StackRow* stack, store::RunRow* run) -> absl::Status {
                     if (!domain::MayCancel(run->record.status()))
                       return WrongStatus(*run, "one that can be cancelled");
                     return EndOrAsk(transaction, settled, stack, run);
                   });
}

absl::StatusOr<v1::Run> Runs::ForceCancel(const Caller& caller, const v1::ForceCancelRunRequest& request) {
  return ChangeRun(caller, "ForceCancelRun", request.name(), request.request_id(), request,
                   [&](store::Transaction& transaction, store::StackRow*, store::RunRow* run) -> absl::Status {
                     if (!domain::MayCancel(run->record.status()))
                       return WrongStatus(*run, "one that can be cancelled");
                     if (!run->cancel_requested) {
                       return absl::FailedPreconditionError(
                           absl::StrCat(request.name(), " has not been cancelled: CancelRun lets it save its state"));
                     }
                     run->force_cancel_requested = true;
                     transaction.Notify(std::string(store::kTopicRun) + run->uid);
                     return transaction.PutRun(run);
                   });
}

absl::Status Runs::CancelOperation(const Caller& caller, const std::string& uid, const std::string& name,
                                   const google::protobuf::Message& request) {
  const auto found = Find(caller, uid, name);
  if (!found.ok()) return found.status();
  if (domain::IsTerminal(found->record.status())) return absl::OkStatus();
  const v1::Stack::State settled = SettledStateFor(caller, found->stack_id);
  return ChangeRun(caller, "CancelOperation", domain::RunNameOf(found->stack_id, uid), "", request,
                   [&](store::Transaction& transaction, store::StackRow* stack, store::RunRow* run) -> absl::Status {
                     if (domain::IsTerminal(run->record.status())) return absl::OkStatus();
                     return EndOrAsk(transaction, settled, stack, run);
                   })
      .status();
}

absl::StatusOr<store::RunRow> Runs::Find(const Caller& caller, std::string_view uid, std::string_view name) {
  auto run = Named(parts_.store->GetRun(uid), name);
  if (run.ok() && run->tenant != caller.tenant) return NoSuch(name);
  return run;
}

absl::StatusOr<store::RunRow> Runs::Find(const Caller& caller, const domain::RunName& name, std::string_view full) {
  auto run = Find(caller, name.run, full);
  if (run.ok() && !IsOf(*run, caller, name.stack)) return NoSuch(full);
  return run;
}

}  // namespace stratus::provisioning::service
