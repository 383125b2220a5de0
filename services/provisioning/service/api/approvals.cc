#include "services/provisioning/service/api/approvals.h"

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/approval.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/domain/principals.h"

namespace stratus::provisioning::service {
namespace {

std::string Word(v1::ApprovalPolicy policy) { return v1::ApprovalPolicy_Name(policy); }

v1::ApprovalPolicy MinimumOf(const ApiParts& parts, const store::StackRow& stack) {
  const auto id = domain::ParseModuleName(stack.record.module());
  const auto module = id ? parts.modules->find(*id) : parts.modules->end();
  // A module that is not served any more has no minimum, and no runs either.
  const auto of_module =
      module == parts.modules->end() ? v1::APPROVAL_POLICY_UNSPECIFIED : module->second.module.approval_minimum();
  return parts.settings.approval.For(stack.tenant, of_module);
}

absl::Status CheckMinimum(v1::ApprovalPolicy wanted, v1::ApprovalPolicy minimum, std::string_view field) {
  if (!v1::ApprovalPolicy_IsValid(wanted)) return core::InvalidField(field, "is no policy that is known here");
  if (!domain::IsLooser(wanted, minimum)) return absl::OkStatus();
  return core::InvalidField(
      field, absl::StrCat("must not be below ", Word(minimum), ", the minimum of the tenant and the module"));
}

v1::ApprovalPolicy OrMinimum(v1::ApprovalPolicy wanted, v1::ApprovalPolicy minimum) {
  if (wanted != v1::APPROVAL_POLICY_UNSPECIFIED) return wanted;
  return domain::Stricter(minimum, v1::APPROVAL_POLICY_AUTO);
}

// `another approver` has to be able to exist.
absl::Status CheckOtherApprover(const Caller& caller, v1::ApprovalPolicy policy) {
  if (!domain::PlansFirst(policy)) {
    return absl::FailedPreconditionError(
        "other_approver_required needs an approval_policy that lets runs wait: MANUAL or MANUAL_ON_DESTROY");
  }
  if (caller.tenant_is_shared) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "other_approver_required could never be met: the tenant is the client itself, so there is nobody else in it. "
      "People have to share a tenant, which the operator sets up by a tenant claim of the tokens");
}

absl::Status NeedsAnother(const store::StackRow& stack, std::string_view what) {
  return absl::FailedPreconditionError(
      absl::StrCat(domain::StackName(stack.id), " requires another approver, and ", core::ToAbsl(what),
                   " would be one person's doing: let a run wait for its approval instead, or have the stack deleted"));
}

absl::Status CheckMayLoosen(const Caller& caller, const store::StackRow& stack, std::string_view what) {
  if (absl::Status status = NeedScope(caller, kApproveScope, what); !status.ok()) return status;
  return stack.record.other_approver_required() ? NeedsAnother(stack, what) : absl::OkStatus();
}

}  // namespace

v1::ApprovalPolicy PolicyOf(const ApiParts& parts, const store::StackRow& stack) {
  return domain::EffectivePolicy(stack.record.approval_policy(), MinimumOf(parts, stack));
}

absl::Status SetNewApproval(const ApiParts& parts, const Caller& caller, const v1::Stack& wanted,
                            store::StackRow* stack) {
  const v1::ApprovalPolicy minimum = MinimumOf(parts, *stack);
  const v1::ApprovalPolicy policy = OrMinimum(wanted.approval_policy(), minimum);
  if (absl::Status status = CheckMinimum(policy, minimum, "stack.approval_policy"); !status.ok()) return status;
  if (wanted.other_approver_required()) {
    if (absl::Status status = CheckOtherApprover(caller, policy); !status.ok()) return status;
  }
  stack->record.set_approval_policy(policy);
  stack->record.set_other_approver_required(wanted.other_approver_required());
  return absl::OkStatus();
}

absl::Status ChangeApproval(const ApiParts& parts, const Caller& caller, const v1::Stack& wanted,
                            const ApprovalChange& change, store::StackRow* stack) {
  const v1::ApprovalPolicy present = PolicyOf(parts, *stack);
  v1::ApprovalPolicy policy = present;
  if (change.policy) {
    const v1::ApprovalPolicy minimum = MinimumOf(parts, *stack);
    policy = OrMinimum(wanted.approval_policy(), minimum);
    if (absl::Status status = CheckMinimum(policy, minimum, "stack.approval_policy"); !status.ok()) return status;
    if (domain::IsLooser(policy, present)) {
      absl::Status status = CheckMayLoosen(caller, *stack, "loosening the approval policy");
      if (!status.ok()) return status;
    }
  }
  const bool other = change.other_approver ? wanted.other_approver_required() : stack->record.other_approver_required();
  if (!other && stack->record.other_approver_required()) {
    return CheckMayLoosen(caller, *stack, "doing without another approver");
  }
  if (other) {
    if (absl::Status status = CheckOtherApprover(caller, policy); !status.ok()) return status;
  }
  stack->record.set_approval_policy(policy);
  stack->record.set_other_approver_required(other);
  return absl::OkStatus();
}

absl::StatusOr<v1::ApprovalPolicy> RunPolicy(const ApiParts& parts, const Caller& caller, const store::StackRow& stack,
                                             v1::ApprovalPolicy wanted) {
  const v1::ApprovalPolicy present = PolicyOf(parts, stack);
  if (wanted == v1::APPROVAL_POLICY_UNSPECIFIED) return present;
  absl::Status status = CheckMinimum(wanted, MinimumOf(parts, stack), "run.approval_policy");
  if (status.ok() && domain::IsLooser(wanted, present)) {
    status = CheckMayLoosen(caller, stack, "a run that waits less than its stack says");
  }
  if (!status.ok()) return status;
  return wanted;
}

absl::Status CheckApprover(const Caller& caller, const store::StackRow& stack, const store::RunRow& run) {
  if (!stack.record.other_approver_required()) return absl::OkStatus();
  if (!domain::IsUser(caller.principal)) {
    return absl::PermissionDeniedError(absl::StrCat(
        domain::StackName(stack.id), " requires another approver, who has to be a person: ", caller.principal.name(),
        " may stand for the one who asked for the run"));
  }
  const v1::Principal& creator = run.record.created_by();
  const v1::Principal& editor = stack.record.last_editor();
  if (!domain::IsKnown(creator) || !domain::IsKnown(editor)) {
    return absl::PermissionDeniedError(
        "the stack requires another approver, and it was not kept who asked for this run or edited the stack: discard "
        "the run and ask for a new one");
  }
  const bool is_creator = domain::SamePrincipal(caller.principal, creator);
  if (!is_creator && !domain::SamePrincipal(caller.principal, editor)) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(domain::StackName(stack.id),
                                                  " requires another approver: ", caller.principal.name(),
                                                  is_creator ? " asked for the run" : " edited the stack last"));
}

absl::Status CheckMayActAlone(const ApiParts& parts, const Caller& caller, const store::StackRow& stack,
                              std::string_view what) {
  if (!domain::PlansFirst(PolicyOf(parts, stack))) return absl::OkStatus();
  return CheckMayLoosen(caller, stack, what);
}

absl::Status TightenQueuedRuns(const ApiParts& parts, store::Transaction& transaction, const store::StackRow& stack) {
  const v1::ApprovalPolicy policy = PolicyOf(parts, stack);
  auto open = transaction.OpenRuns(stack.uid);
  if (!open.ok()) return open.status();
  for (store::RunRow& run : *open) {
    const bool begun = run.record.status() != v1::RUN_STATUS_PENDING || stack.lease_run == run.uid;
    if (begun || !domain::IsLooser(run.record.approval_policy(), policy)) continue;
    run.record.set_approval_policy(policy);
    if (absl::Status status = transaction.PutRun(&run); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace stratus::provisioning::service
