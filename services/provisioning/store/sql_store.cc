#include "services/provisioning/store/sql_store.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "lib/core/clock.h"
#include "lib/core/random.h"
#include "services/provisioning/store/audit_table.h"
#include "services/provisioning/store/credential_table.h"
#include "services/provisioning/store/database_url.h"
#include "services/provisioning/store/listing.h"
#include "services/provisioning/store/migrations.h"
#include "services/provisioning/store/query.h"
#include "services/provisioning/store/row_codec.h"
#include "services/provisioning/store/run_table.h"
#include "services/provisioning/store/stack_table.h"
#include "services/provisioning/store/state_table.h"
#include "services/provisioning/store/sweep.h"
#include "services/provisioning/store/transaction.h"

namespace stratus::provisioning::store {
namespace {

constexpr int kAttemptsMax = 5;

// Long enough for the other one of a deadlock to get through, and never the same for both.
absl::Duration Pause(int attempt) { return absl::Milliseconds(5 << attempt) * core::RandomFraction(); }

class HandleSubscription final : public Store::Subscription {
 public:
  explicit HandleSubscription(std::shared_ptr<void> handle) : handle_(std::move(handle)) {}

 private:
  std::shared_ptr<void> handle_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const Options& options) {
  if (options.replica.empty()) return absl::InvalidArgumentError("the store needs this replica's name");
  if (options.connections < 1) return absl::InvalidArgumentError("the store needs a connection at least");
  absl::StatusOr<std::unique_ptr<Database>> database =
      OpenDatabase(options.database_url, options.connections, options.busy_timeout);
  if (!database.ok()) return database.status();
  {
    absl::StatusOr<PooledConnection> writer = (*database)->Writer();
    if (!writer.ok()) return writer.status();
    absl::Status status = Migrate(**writer, Migrations());
    if (!status.ok()) return status;
  }
  return std::make_unique<SqlStore>(*std::move(database), options);
}

SqlStore::SqlStore(std::unique_ptr<Database> database, const Options& options)
    : database_(std::move(database)),
      claimant_{.replica = options.replica, .session = core::RandomHex(8)},
      busy_timeout_(options.busy_timeout) {}

absl::Status SqlStore::WriteOnce(Body body, StoreSpan* span, bool* again) {
  *again = false;
  absl::StatusOr<PooledConnection> writer = database_->Writer();
  if (!writer.ok()) return writer.status();
  Connection& connection = **writer;
  const StoreSpan::Attempt attempt(span, &connection);
  absl::Status status = connection.Begin();
  if (status.ok()) {
    status = body(connection);
    // A body may have passed over an error, but the database has not: such a transaction cannot commit.
    if (status.ok()) status = connection.failure_status();
    if (status.ok()) {
      status = connection.Commit();
      *again = connection.failure() == Failure::kRetry;  // not when it broke: a commit must not be done twice
      return status;
    }
    connection.Rollback();
  }
  *again = connection.failure() == Failure::kRetry || connection.failure() == Failure::kBroken;
  return *again ? connection.failure_status() : status;
}

absl::Status SqlStore::Write(Body body) {
  StoreSpan span(database_->product());
  const absl::Duration deadline = core::Clock::Real().Monotonic() + busy_timeout_;
  for (int attempt = 1;; ++attempt) {
    bool again = false;
    absl::Status status = WriteOnce(body, &span, &again);
    if (status.ok() || !again || attempt == kAttemptsMax) return span.Ended(std::move(status));
    if (core::Clock::Real().Monotonic() >= deadline) return span.Ended(std::move(status));
    absl::SleepFor(Pause(attempt));
  }
}

absl::Status SqlStore::Transact(absl::FunctionRef<absl::Status(Transaction&)> body) {
  return Write([&](Connection& connection) {
    SqlTransaction transaction(&connection);
    absl::Status status = body(transaction);
    if (!status.ok()) return status;
    return connection.Notify(transaction.topics());
  });
}

template <typename T>
absl::StatusOr<T> SqlStore::Read(absl::FunctionRef<absl::StatusOr<T>(Connection&)> body) {
  StoreSpan span(database_->product());
  for (int attempt = 1;; ++attempt) {
    absl::StatusOr<PooledConnection> reader = database_->Reader();
    if (!reader.ok()) return span.Ended(reader.status());
    const StoreSpan::Attempt watched(&span, &**reader);
    absl::StatusOr<T> result = body(**reader);
    if (!result.ok() && (*reader)->failure() == Failure::kBroken && attempt < 2) continue;
    span.Ended(result.status()).IgnoreError();
    return result;
  }
}

absl::StatusOr<StackRow> SqlStore::GetStack(std::string_view tenant, std::string_view id) {
  return Read<StackRow>([&](Connection& connection) { return ReadStack(connection, tenant, id, Lock::kNo); });
}

absl::StatusOr<StackRow> SqlStore::GetStackByUid(std::string_view uid) {
  return Read<StackRow>([&](Connection& connection) { return ReadStackByUid(connection, uid, Lock::kNo); });
}

absl::StatusOr<RunRow> SqlStore::GetRun(std::string_view uid) {
  return Read<RunRow>([&](Connection& connection) { return ReadRunOrTombstone(connection, uid); });
}

absl::StatusOr<Listed<StackRow>> SqlStore::ListStacks(const StackQuery& query) {
  return Read<Listed<StackRow>>([&](Connection& connection) { return store::ListStacks(connection, query); });
}

absl::StatusOr<Listed<RunRow>> SqlStore::ListRuns(const RunQuery& query) {
  return Read<Listed<RunRow>>([&](Connection& connection) { return store::ListRuns(connection, query); });
}

absl::StatusOr<Listed<v1::AuditEvent>> SqlStore::ListAuditEvents(const AuditQuery& query) {
  return Read<Listed<v1::AuditEvent>>(
      [&](Connection& connection) { return store::ListAuditEvents(connection, query); });
}

absl::StatusOr<std::vector<EventRow>> SqlStore::Events(std::string_view run_uid, int64_t after, int limit) {
  return Read<std::vector<EventRow>>(
      [&](Connection& connection) { return ReadEvents(connection, run_uid, after, limit); });
}

absl::StatusOr<std::vector<LedgerRow>> SqlStore::Ledger(std::string_view run_uid) {
  return Read<std::vector<LedgerRow>>([&](Connection& connection) { return ReadLedger(connection, run_uid); });
}

absl::StatusOr<StateVersionRow> SqlStore::GetStateVersion(std::string_view stack_uid, int64_t serial) {
  return Read<StateVersionRow>([&](Connection& connection) { return ReadStateVersion(connection, stack_uid, serial); });
}

absl::StatusOr<Listed<StateVersionRow>> SqlStore::ListStateVersions(std::string_view stack_uid, const Page& page) {
  return Read<Listed<StateVersionRow>>(
      [&](Connection& connection) { return store::ListStateVersions(connection, stack_uid, page); });
}

absl::StatusOr<std::string> SqlStore::GetBlob(std::string_view run_uid, std::string_view name) {
  return Read<std::string>([&](Connection& connection) { return ReadBlob(connection, run_uid, name); });
}

absl::StatusOr<TenantUse> SqlStore::Use(std::string_view tenant) {
  return Read<TenantUse>([&](Connection& connection) { return ReadUse(connection, tenant); });
}

absl::StatusOr<std::vector<CredentialRow>> SqlStore::Credentials(std::string_view tenant, std::string_view stack_id) {
  return Read<std::vector<CredentialRow>>(
      [&](Connection& connection) { return ReadCredentials(connection, tenant, stack_id); });
}

absl::StatusOr<CredentialRow> SqlStore::GetCredential(std::string_view uid) {
  return Read<CredentialRow>([&](Connection& connection) { return ReadCredentialByUid(connection, uid); });
}

absl::StatusOr<int> SqlStore::QueuePosition(std::string_view run_uid) {
  return Read<int>([&](Connection& connection) { return ReadQueuePosition(connection, run_uid); });
}

absl::StatusOr<std::map<v1::RunStatus, int64_t>> SqlStore::CountOpenRuns() {
  return Read<std::map<v1::RunStatus, int64_t>>([](Connection& connection) { return ReadOpenRunCounts(connection); });
}

Store::Connections SqlStore::connections() {
  const PoolUse use = database_->use();
  return {.in_use = use.in_use, .waiting = use.waiting};
}

absl::StatusOr<std::optional<RunRow>> SqlStore::ClaimRun(const RunLimits& limits, absl::Duration ttl) {
  absl::StatusOr<std::optional<RunRow>> run;
  absl::Status status = Write([&](Connection& connection) {
    run = store::ClaimRun(connection, claimant_, limits, ttl);
    return run.status();
  });
  if (!status.ok()) return status;
  return run;
}

absl::StatusOr<std::vector<std::string>> SqlStore::RenewLeases(const std::vector<std::string>& run_uids,
                                                               absl::Duration ttl) {
  absl::StatusOr<std::vector<std::string>> lost;
  if (run_uids.empty()) return std::vector<std::string>();
  absl::Status status = Write([&](Connection& connection) {
    lost = store::RenewLeases(connection, claimant_, run_uids, ttl);
    return lost.status();
  });
  if (!status.ok()) return status;
  return lost;
}

absl::StatusOr<std::vector<RunRow>> SqlStore::TakeOver(bool own, absl::Duration ttl, int limit) {
  absl::StatusOr<std::vector<RunRow>> runs;
  absl::Status status = Write([&](Connection& connection) {
    runs = store::TakeOver(connection, claimant_, own, ttl, limit);
    return runs.status();
  });
  if (!status.ok()) return status;
  return runs;
}

absl::StatusOr<std::vector<StackRow>> SqlStore::DueStacks(absl::Time now, int limit) {
  return Read<std::vector<StackRow>>(
      [&](Connection& connection) { return store::ListDueStacks(connection, now, limit); });
}

absl::StatusOr<int64_t> SqlStore::Sweep(absl::Time now, absl::Time events_before) {
  int64_t gone = 0;
  absl::Status status = Write([&](Connection& connection) {
    absl::StatusOr<int64_t> rows = store::Sweep(connection, now, events_before);
    if (rows.ok()) gone = *rows;
    return rows.status();
  });
  if (!status.ok()) return status;
  return gone;
}

std::unique_ptr<Store::Subscription> SqlStore::Subscribe(std::function<void(std::string_view topic)> callback) {
  return std::make_unique<HandleSubscription>(database_->Subscribe(std::move(callback)));
}

absl::Status SqlStore::Ping() {
  return Read<int64_t>([](Connection& connection) { return connection.Execute("SELECT 1"); }).status();
}

}  // namespace stratus::provisioning::store
