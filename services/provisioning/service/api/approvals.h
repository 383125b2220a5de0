// Who may loosen what waits for a person, and who may approve: the one place that decides it. docs/adr/0012 lists the
// methods, and approval_matrix_test.cc walks them.
#pragma once

#include "absl/status/statusor.h"
#include "services/provisioning/service/api/api_parts.h"
#include "services/provisioning/service/api/caller.h"

namespace stratus::provisioning::service {

// Whoever may approve may do what has the same effect.
inline constexpr std::string_view kApproveScope = "stratus/runs.approve";

// What the tenant's and the module's minimums make of the stack's own policy.
v1::ApprovalPolicy PolicyOf(const ApiParts& parts, const store::StackRow& stack);

// The settings of a new stack, as wanted; nothing wanted is the minimum, else AUTO. INVALID_ARGUMENT: below the
// minimum. FAILED_PRECONDITION: another approver is required where there could never be one.
absl::Status SetNewApproval(const ApiParts& parts, const Caller& caller, const v1::Stack& wanted,
                            store::StackRow* stack);

// Changes those of the two settings that are given. PERMISSION_DENIED: it loosens the policy, and the caller may not
// approve. FAILED_PRECONDITION as above, and for loosening what requires another approver: one person would do alone
// what it takes two for.
struct ApprovalChange {
  bool policy = false;
  bool other_approver = false;
};
absl::Status ChangeApproval(const ApiParts& parts, const Caller& caller, const v1::Stack& wanted,
                            const ApprovalChange& change, store::StackRow* stack);

// What a run that is asked for waits by. UNSPECIFIED: the stack's. PERMISSION_DENIED, FAILED_PRECONDITION: a looser
// one, as for ChangeApproval.
absl::StatusOr<v1::ApprovalPolicy> RunPolicy(const ApiParts& parts, const Caller& caller, const store::StackRow& stack,
                                             v1::ApprovalPolicy wanted);

// Whether the caller, who has the scope, may approve this run: PERMISSION_DENIED when the stack requires another.
absl::Status CheckApprover(const Caller& caller, const store::StackRow& stack, const store::RunRow& run);

// For what changes a stack at once and has no plan that could wait (`what`: `a roll-back`): the caller has to be one
// who may approve, unless the policy is AUTO.
absl::Status CheckMayActAlone(const ApiParts& parts, const Caller& caller, const store::StackRow& stack,
                              std::string_view what);

// A policy that has become stricter counts for the runs that have not begun. In a transaction that holds the stack.
absl::Status TightenQueuedRuns(const ApiParts& parts, store::Transaction& transaction, const store::StackRow& stack);

}  // namespace stratus::provisioning::service
