// The Store over either database.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/provisioning/store/database.h"
#include "services/provisioning/store/run_queue.h"
#include "services/provisioning/store/store.h"
#include "services/provisioning/store/store_span.h"

namespace stratus::provisioning::store {

class SqlStore final : public Store {
 public:
  SqlStore(std::unique_ptr<Database> database, const Options& options);

  absl::Status Transact(absl::FunctionRef<absl::Status(Transaction&)> body) override;

  absl::StatusOr<StackRow> GetStack(std::string_view tenant, std::string_view id) override;
  absl::StatusOr<StackRow> GetStackByUid(std::string_view uid) override;
  absl::StatusOr<RunRow> GetRun(std::string_view uid) override;
  absl::StatusOr<Listed<StackRow>> ListStacks(const StackQuery& query) override;
  absl::StatusOr<Listed<RunRow>> ListRuns(const RunQuery& query) override;
  absl::StatusOr<Listed<v1::AuditEvent>> ListAuditEvents(const AuditQuery& query) override;
  absl::StatusOr<std::vector<EventRow>> Events(std::string_view run_uid, int64_t after, int limit) override;
  absl::StatusOr<std::vector<LedgerRow>> Ledger(std::string_view run_uid) override;
  absl::StatusOr<StateVersionRow> GetStateVersion(std::string_view stack_uid, int64_t serial) override;
  absl::StatusOr<Listed<StateVersionRow>> ListStateVersions(std::string_view stack_uid, const Page& page) override;
  absl::StatusOr<std::string> GetBlob(std::string_view run_uid, std::string_view name) override;
  absl::StatusOr<TenantUse> Use(std::string_view tenant) override;
  absl::StatusOr<std::vector<CredentialRow>> Credentials(std::string_view tenant, std::string_view stack_id) override;
  absl::StatusOr<CredentialRow> GetCredential(std::string_view uid) override;
  absl::StatusOr<int> QueuePosition(std::string_view run_uid) override;
  absl::StatusOr<std::map<v1::RunStatus, int64_t>> CountOpenRuns() override;

  absl::StatusOr<std::optional<RunRow>> ClaimRun(const RunLimits& limits, absl::Duration ttl) override;
  absl::StatusOr<std::vector<std::string>> RenewLeases(const std::vector<std::string>& run_uids,
                                                       absl::Duration ttl) override;
  absl::StatusOr<std::vector<RunRow>> TakeOver(bool own, absl::Duration ttl, int limit) override;
  absl::StatusOr<std::vector<StackRow>> DueStacks(absl::Time now, int limit) override;
  absl::StatusOr<int64_t> Sweep(absl::Time now, absl::Time events_before) override;
  std::unique_ptr<Subscription> Subscribe(std::function<void(std::string_view topic)> callback) override;
  absl::Status Ping() override;
  Connections connections() override;

 private:
  using Body = absl::FunctionRef<absl::Status(Connection&)>;

  // Runs `body` in a transaction, again when the database asks for it.
  absl::Status Write(Body body);
  // One attempt; `again`: whether another one could end better.
  absl::Status WriteOnce(Body body, StoreSpan* span, bool* again);
  // Runs `body` on a reader; once more on a fresh connection when an idle one turns out to be gone.
  template <typename T>
  absl::StatusOr<T> Read(absl::FunctionRef<absl::StatusOr<T>(Connection&)> body);

  const std::unique_ptr<Database> database_;
  const Claimant claimant_;
  const absl::Duration busy_timeout_;
};

}  // namespace stratus::provisioning::store
