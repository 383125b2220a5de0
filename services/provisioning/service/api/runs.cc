#include "services/provisioning/service/api/runs.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/principals.h"
#include "services/provisioning/domain/run_status.h"
#include "services/provisioning/service/api/approvals.h"
#include "services/provisioning/service/api/mutation.h"
#include "services/provisioning/service/api/present.h"
#include "services/provisioning/service/run_credentials.h"

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

bool IsSystem(const v1::Principal& principal) { return domain::SamePrincipal(principal, domain::SystemPrincipal()); }

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

absl::Status Runs::CheckComment(const std::string& comment) {
  domain::Violations violations;
  domain::CheckText(comment, "comment", &violations);
  return violations.ToStatus();
}

v1::Decision Runs::DecisionOf(const Caller& caller, const std::string& comment) const {
  v1::Decision decision;
  *decision.mutable_by() = caller.principal;
  *decision.mutable_time() = domain::ToProto(parts_.clock->Now());
  decision.set_comment(comment);
  return decision;
}

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
                 const auto policy = RunPolicy(parts_, caller, row, request.run().approval_policy());
                 if (!policy.ok()) return policy.status();
                 return NewRun{.kind = *kind, .approval_policy = *policy, .message = request.run().message()};
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
                 // What an approver once allowed this run is not allowed the next one.
                 const auto policy = domain::Stricter(run->record.approval_policy(), PolicyOf(parts_, row));
                 return NewRun{.kind = run->record.kind(),
                               .approval_policy = policy,
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

// What the runtime would refuse to apply is not approved either.
absl::Status Runs::CheckPlanned(store::Transaction& transaction, const store::RunRow& run) const {
  const auto rows = transaction.Credentials(run.tenant, run.stack_id);
  if (!rows.ok()) return rows.status();
  const auto& planned = run.record.credentials();
  return CheckPlannedCredentials(*parts_.credentials, run.tenant, {planned.begin(), planned.end()}, *rows);
}

absl::StatusOr<v1::Run> Runs::Approve(const Caller& caller, const v1::ApproveRunRequest& request) {
  if (request.plan_hash().empty()) return core::InvalidField("plan_hash", "is required: Run.plan.plan_hash");
  if (absl::Status status = CheckComment(request.comment()); !status.ok()) return status;
  return ChangeRun(
      caller, "ApproveRun", request.name(), request.request_id(), request,
      [&](store::Transaction& transaction, store::StackRow* stack, store::RunRow* run) -> absl::Status {
        if (!domain::MayApprove(run->record.status())) return WrongStatus(*run, "RUN_STATUS_PLANNED");
        if (absl::Status status = CheckApprover(caller, *stack, *run); !status.ok()) return status;
        const v1::PlanSummary& plan = run->record.plan();
        if (request.plan_hash() != plan.plan_hash()) {
          return absl::FailedPreconditionError("plan_hash is not that of the run's plan: read the plan again");
        }
        if (plan.state_serial() != stack->state_serial) {
          return absl::FailedPreconditionError(
              absl::StrCat("the plan is stale: it was made from state ", plan.state_serial(), ", and the stack has ",
                           stack->state_serial, " now; discard the run and plan again"));
        }
        if (absl::Status status = CheckPlanned(transaction, *run); !status.ok()) return status;
        if (run->record.kind() == v1::RUN_KIND_DESTROY && stack->record.protected_()) {
          return absl::FailedPreconditionError(
              absl::StrCat(domain::StackName(stack->id), " is protected: set `protected` to false first"));
        }
        *run->record.mutable_approved() = DecisionOf(caller, request.comment());
        transaction.Notify(store::kTopicQueue);
        return MoveRun(parts_, transaction, v1::RUN_STATUS_CONFIRMED,
                       absl::StrCat("approved by ", caller.principal.name()), run);
      });
}

v1::Stack::State Runs::SettledStateFor(const Caller& caller, const std::string& stack_id) {
  const auto stack = parts_.store->GetStack(caller.tenant, stack_id);
  return stack.ok() ? SettledStateOf(parts_, *stack) : v1::Stack::STATE_NEW;
}

absl::StatusOr<v1::Run> Runs::Discard(const Caller& caller, const v1::DiscardRunRequest& request) {
  const auto name = domain::ParseRunName(request.name());
  if (!name) return BadRunName();
  if (absl::Status status = CheckComment(request.comment()); !status.ok()) return status;
  const v1::Stack::State settled = SettledStateFor(caller, name->stack);
  return ChangeRun(caller, "DiscardRun", request.name(), request.request_id(), request,
                   [&](store::Transaction& transaction, store::StackRow* stack, store::RunRow* run) -> absl::Status {
                     if (!domain::MayApprove(run->record.status())) return WrongStatus(*run, "RUN_STATUS_PLANNED");
                     *run->record.mutable_discarded() = DecisionOf(caller, request.comment());
                     // Who discards an expiry wants the stack to stay: it would be asked for again in ten minutes.
                     const bool expiry = run->deletes_stack && IsSystem(run->record.created_by());
                     if (expiry) stack->expire_time = absl::InfiniteFuture();
                     absl::Status status = MoveRun(parts_, transaction, v1::RUN_STATUS_DISCARDED,
                                                   absl::StrCat("discarded by ", caller.principal.name()), run);
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
  if (absl::Status status = CheckComment(request.comment()); !status.ok()) return status;
  const v1::Stack::State settled = SettledStateFor(caller, name->stack);
  return ChangeRun(caller, "CancelRun", request.name(), request.request_id(), request,
                   [&](store::Transaction& transaction, store::StackRow* stack, store::RunRow* run) -> absl::Status {
                     if (!domain::MayCancel(run->record.status()))
                       return WrongStatus(*run, "one that can be cancelled");
                     *run->record.mutable_canceled() = DecisionOf(caller, request.comment());
                     return EndOrAsk(transaction, settled, stack, run);
                   });
}

absl::StatusOr<v1::Run> Runs::ForceCancel(const Caller& caller, const v1::ForceCancelRunRequest& request) {
  if (absl::Status status = CheckComment(request.comment()); !status.ok()) return status;
  return ChangeRun(caller, "ForceCancelRun", request.name(), request.request_id(), request,
                   [&](store::Transaction& transaction, store::StackRow*, store::RunRow* run) -> absl::Status {
                     if (!domain::MayCancel(run->record.status()))
                       return WrongStatus(*run, "one that can be cancelled");
                     if (!run->cancel_requested) {
                       return absl::FailedPreconditionError(
                           absl::StrCat(request.name(), " has not been cancelled: CancelRun lets it save its state"));
                     }
                     *run->record.mutable_canceled() = DecisionOf(caller, request.comment());
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
                     *run->record.mutable_canceled() = DecisionOf(caller, "");
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
