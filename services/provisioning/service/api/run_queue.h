// Runs as the API makes and ends them, inside a transaction that holds the stack's row.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/provisioning/service/api/api_parts.h"
#include "services/provisioning/service/api/caller.h"

namespace stratus::provisioning::service {

struct NewRun {
  v1::RunKind kind = v1::RUN_KIND_APPLY;
  v1::ApprovalPolicy approval_policy = v1::APPROVAL_POLICY_UNSPECIFIED;  // the stack's
  bool deletes_stack = false;
  std::string message = {};
};

// The module of a stack, to be run. FAILED_PRECONDITION: it is served no more, or there is no credential of a provider
// that needs one.
absl::StatusOr<const engine::ModuleEntry*> RunnableModule(const ApiParts& parts, store::Transaction& transaction,
                                                          const store::StackRow& stack);

// FAILED_PRECONDITION: a stack of that module would have no credential of a provider that needs one. `rows`:
// Credentials() of the tenant and the stack.
absl::Status CheckCredentialsOf(const ApiParts& parts, const engine::ModuleEntry& module, std::string_view tenant,
                                std::string_view stack_id, const std::vector<store::CredentialRow>& rows);

// To be called before the first stack is read, by whoever may insert a stack or queue a run: the order of locks
// (store::Transaction). From here on nobody else's transaction inserts a stack of the tenant: one that is not there is
// not about to be.
absl::Status LockQuota(store::Transaction& transaction, const std::string& tenant);

// Inserts a PENDING run with `variables_json` as its snapshot, makes the stack BUSY (not yet written: the caller puts
// the row) and tells the scheduler. RESOURCE_EXHAUSTED with a QuotaFailure: the tenant's queue is full. ABORTED: the
// stack is being deleted. FAILED_PRECONDITION: the stack is protected and the run would destroy it.
absl::StatusOr<store::RunRow> QueueRun(const ApiParts& parts, store::Transaction& transaction, const Caller& caller,
                                       const NewRun& spec, const std::string& variables_json, store::StackRow* stack);

// Writes the run with another status and its event. INTERNAL when the table of statuses forbids it.
absl::Status MoveRun(const ApiParts& parts, store::Transaction& transaction, v1::RunStatus to,
                     const std::string& reason, store::RunRow* run);

// What the stack is when none of its runs is open: asks the store, so not inside a transaction.
v1::Stack::State SettledStateOf(const ApiParts& parts, const store::StackRow& stack);

// Once `ended` has been moved to an end: the stack goes to its next open run, or to `settled`. Writes the stack.
absl::Status SettleStack(const ApiParts& parts, store::Transaction& transaction, const store::RunRow& ended,
                         v1::Stack::State settled, store::StackRow* stack);

// The stack's variables, opened.
absl::StatusOr<std::string> OpenVariables(const ApiParts& parts, const store::StackRow& stack);

// RESOURCE_EXHAUSTED with a google.rpc.QuotaFailure.
absl::Status QuotaReached(const std::string& tenant, std::string_view what, int limit);

// ABORTED: `etag` is given and is not the row's.
absl::Status CheckEtag(const store::StackRow& stack, std::string_view etag);

// NOT_FOUND, as for what does not exist: a row of another tenant is never told apart.
absl::Status NoSuch(std::string_view name);

// The row, or a NOT_FOUND in the words of the API.
template <typename Row>
absl::StatusOr<Row> Named(absl::StatusOr<Row> row, std::string_view name) {
  if (row.status().code() == absl::StatusCode::kNotFound) return NoSuch(name);
  return row;
}

}  // namespace stratus::provisioning::service
