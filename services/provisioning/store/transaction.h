// One transaction over one connection.
#pragma once

#include <string>
#include <vector>

#include "services/provisioning/store/database.h"
#include "services/provisioning/store/store.h"

namespace stratus::provisioning::store {

class SqlTransaction final : public Transaction {
 public:
  // `connection` has begun one, and outlives it.
  explicit SqlTransaction(Connection* connection) : connection_(*connection) {}

  absl::StatusOr<StackRow> GetStack(std::string_view tenant, std::string_view id) override;
  absl::StatusOr<StackRow> GetStackByUid(std::string_view uid) override;
  absl::Status InsertStack(const StackRow& stack) override;
  absl::Status PutStack(StackRow* stack) override;
  absl::Status DeleteStack(std::string_view uid) override;

  absl::StatusOr<RunRow> GetRun(std::string_view uid) override;
  absl::Status InsertRun(const RunRow& run) override;
  absl::Status PutRun(RunRow* run) override;
  absl::StatusOr<std::vector<RunRow>> OpenRuns(std::string_view stack_uid) override;

  absl::Status AppendEvents(RunRow* run, std::vector<v1::RunEvent> events) override;
  absl::Status PutLedger(std::string_view run_uid, const LedgerRow& row) override;
  absl::Status InsertStateVersion(std::string_view stack_uid, const StateVersionRow& version) override;
  absl::Status PutBlob(std::string_view run_uid, std::string_view name, std::string_view sealed) override;
  absl::StatusOr<TenantUse> Use(std::string_view tenant) override;
  absl::StatusOr<std::vector<CredentialRow>> Credentials(std::string_view tenant, std::string_view stack_id) override;
  absl::StatusOr<int> CountCredentials(std::string_view tenant) override;
  absl::Status PutCredential(const CredentialRow& row, absl::Time former_until) override;
  absl::Status DeleteCredential(std::string_view tenant, std::string_view stack_id, std::string_view provider) override;
  absl::StatusOr<std::optional<IdempotencyRow>> GetIdempotency(std::string_view tenant, std::string_view method,
                                                               std::string_view request_id) override;
  absl::Status PutIdempotency(const IdempotencyRow& row) override;
  absl::StatusOr<std::string> AppendAudit(std::string_view tenant, v1::AuditEvent event) override;
  void Notify(std::string_view topic) override;

  const std::vector<std::string>& topics() const { return topics_; }

 private:
  Connection& connection_;
  std::vector<std::string> topics_;
};

}  // namespace stratus::provisioning::store
