#include "services/provisioning/store/transaction.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/store/audit_table.h"
#include "services/provisioning/store/credential_table.h"
#include "services/provisioning/store/run_queue.h"
#include "services/provisioning/store/run_table.h"
#include "services/provisioning/store/stack_table.h"
#include "services/provisioning/store/state_table.h"

namespace stratus::provisioning::store {

absl::StatusOr<StackRow> SqlTransaction::GetStack(std::string_view tenant, std::string_view id) {
  return ReadStack(connection_, tenant, id, Lock::kForUpdate);
}

absl::StatusOr<StackRow> SqlTransaction::GetStackByUid(std::string_view uid) {
  return ReadStackByUid(connection_, uid, Lock::kForUpdate);
}

absl::Status SqlTransaction::InsertStack(const StackRow& stack) { return store::InsertStack(connection_, stack); }

absl::Status SqlTransaction::PutStack(StackRow* stack) { return UpdateStack(connection_, stack); }

absl::Status SqlTransaction::DeleteStack(std::string_view uid) { return store::DeleteStack(connection_, uid); }

absl::StatusOr<RunRow> SqlTransaction::GetRun(std::string_view uid) { return ReadRunForUpdate(connection_, uid); }

absl::Status SqlTransaction::InsertRun(const RunRow& run) { return store::InsertRun(connection_, run); }

absl::Status SqlTransaction::PutRun(RunRow* run) { return UpdateRun(connection_, run); }

absl::StatusOr<std::vector<RunRow>> SqlTransaction::OpenRuns(std::string_view stack_uid) {
  return ReadOpenRunsForUpdate(connection_, stack_uid);
}

absl::Status SqlTransaction::AppendEvents(RunRow* run, std::vector<v1::RunEvent> events) {
  return store::AppendEvents(connection_, run, std::move(events));
}

absl::Status SqlTransaction::PutLedger(std::string_view run_uid, const LedgerRow& row) {
  return store::PutLedger(connection_, run_uid, row);
}

absl::Status SqlTransaction::InsertStateVersion(std::string_view stack_uid, const StateVersionRow& version) {
  return store::InsertStateVersion(connection_, stack_uid, version);
}

absl::Status SqlTransaction::PutBlob(std::string_view run_uid, std::string_view name, std::string_view sealed) {
  return store::PutBlob(connection_, run_uid, name, sealed);
}

absl::StatusOr<TenantUse> SqlTransaction::Use(std::string_view tenant) {
  // Counts are not rows: the lock keeps two calls from both taking the last place of a quota.
  absl::Status status = connection_.Lock(absl::StrCat("use/", core::ToAbsl(tenant)));
  if (!status.ok()) return status;
  return ReadUse(connection_, tenant);
}

absl::StatusOr<std::vector<CredentialRow>> SqlTransaction::Credentials(std::string_view tenant,
                                                                       std::string_view stack_id) {
  return ReadCredentials(connection_, tenant, stack_id);
}

absl::StatusOr<int> SqlTransaction::CountCredentials(std::string_view tenant) {
  return store::CountCredentials(connection_, tenant);
}

absl::Status SqlTransaction::PutCredential(const CredentialRow& row, absl::Time former_until) {
  return store::PutCredential(connection_, row, former_until);
}

absl::Status SqlTransaction::DeleteCredential(std::string_view tenant, std::string_view stack_id,
                                              std::string_view provider) {
  return store::DeleteCredential(connection_, tenant, stack_id, provider);
}

absl::StatusOr<std::optional<IdempotencyRow>> SqlTransaction::GetIdempotency(std::string_view tenant,
                                                                             std::string_view method,
                                                                             std::string_view request_id) {
  return ReadIdempotency(connection_, tenant, method, request_id);
}

absl::Status SqlTransaction::PutIdempotency(const IdempotencyRow& row) {
  return store::PutIdempotency(connection_, row);
}

absl::StatusOr<std::string> SqlTransaction::AppendAudit(std::string_view tenant, v1::AuditEvent event) {
  return store::AppendAudit(connection_, tenant, std::move(event));
}

void SqlTransaction::Notify(std::string_view topic) {
  if (std::find(topics_.begin(), topics_.end(), topic) == topics_.end()) topics_.emplace_back(topic);
}

}  // namespace stratus::provisioning::store
