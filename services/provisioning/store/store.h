// Where stacks, runs and states live: SQLite in a file, or PostgreSQL for several replicas. One set of operations over
// both; store_conformance_test.cc runs on each.
//
// Everything here blocks: call it from a worker thread, never from gRPC's or an event loop's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/provisioning/store/rows.h"
#include "stratus/provisioning/v1/audit.pb.h"

namespace stratus::provisioning::store {

struct Page {
  int size = 50;
  std::string token;  // of the page before; empty: the first. INVALID_ARGUMENT when it is not one of ours
};

struct StackQuery {
  std::string tenant;
  std::string filter;    // AIP-160; INVALID_ARGUMENT says what is wrong and where
  std::string order_by;  // `name`, `create_time`, `update_time`, each with ` desc` or without
  Page page;
};

struct AuditQuery {
  std::string tenant;
  std::string filter;
  Page page;
};

struct RunQuery {
  std::string tenant;
  std::string stack_uid;  // empty: of every stack of the tenant
  std::string filter;
  Page page;
};

template <typename Row>
struct Listed {
  std::vector<Row> rows;
  std::string next_page_token;
};

struct TenantUse {
  int stacks = 0;
  int queued_runs = 0;   // PENDING, CONFIRMED, without a lease
  int running_runs = 0;  // with a lease
};

// How much may run at once; the claim heeds it.
struct RunLimits {
  int global = 8;      // of this replica's claims; counted by the caller, see ClaimRun
  int per_tenant = 4;  // over all replicas
};

// One transaction. Rows read here are locked until it ends (PostgreSQL: FOR UPDATE; SQLite: one writer), so that what
// was read still holds when it is written: put only rows that were read in the same transaction. NOT_FOUND: there is no
// such row. After an error of the database itself (a row that is not there is none) nothing can be committed any more.
// Valid only inside Store::Transact.
//
// Locks are taken in this order by everyone, or transactions deadlock (and are run again, a second later):
// GetIdempotency, Use, then stacks and runs, then AppendAudit. Reading a run locks its stack first.
class Transaction {
 public:
  virtual ~Transaction() = default;

  virtual absl::StatusOr<StackRow> GetStack(std::string_view tenant, std::string_view id) = 0;
  virtual absl::StatusOr<StackRow> GetStackByUid(std::string_view uid) = 0;
  // ALREADY_EXISTS: the tenant has a stack of that id.
  virtual absl::Status InsertStack(const StackRow& stack) = 0;
  // Writes all of it with version + 1. ABORTED when `stack.version` is not the stored one.
  virtual absl::Status PutStack(StackRow* stack) = 0;
  // With its runs, events, ledger, plans, state versions and credentials. Operations of its runs stay readable as
  // tombstones for 24 hours: RunRow without events, by Store::GetRun alone.
  virtual absl::Status DeleteStack(std::string_view uid) = 0;

  virtual absl::StatusOr<RunRow> GetRun(std::string_view uid) = 0;
  virtual absl::Status InsertRun(const RunRow& run) = 0;
  virtual absl::Status PutRun(RunRow* run) = 0;
  // Not yet ended runs of a stack, oldest first.
  virtual absl::StatusOr<std::vector<RunRow>> OpenRuns(std::string_view stack_uid) = 0;

  // Numbers the events with the run's next sequences and sets its last_sequence, which nothing else writes; the run's
  // version stays.
  virtual absl::Status AppendEvents(RunRow* run, std::vector<v1::RunEvent> events) = 0;
  // Inserts, or replaces the row of the same address.
  virtual absl::Status PutLedger(std::string_view run_uid, const LedgerRow& row) = 0;

  // ABORTED when the serial exists.
  virtual absl::Status InsertStateVersion(std::string_view stack_uid, const StateVersionRow& version) = 0;

  // A sealed blob of a run, by name (`plan`, `plan-json`): at most 64 MiB.
  virtual absl::Status PutBlob(std::string_view run_uid, std::string_view name, std::string_view sealed) = 0;

  // Until the transaction ends, nobody else's Use of the tenant returns: two calls cannot both take a quota's last
  // place.
  virtual absl::StatusOr<TenantUse> Use(std::string_view tenant) = 0;

  // As Store::Credentials.
  virtual absl::StatusOr<std::vector<CredentialRow>> Credentials(std::string_view tenant,
                                                                 std::string_view stack_id) = 0;
  // How many present ones the tenant and all its stacks have.
  virtual absl::StatusOr<int> CountCredentials(std::string_view tenant) = 0;
  // Takes the place of the present version of that name, which can be read by its uid until `former_until`. At most
  // eight former ones are kept. ABORTED: somebody else has just done so.
  virtual absl::Status PutCredential(const CredentialRow& row, absl::Time former_until) = 0;
  // With all that is kept of former versions. NOT_FOUND: there is none.
  virtual absl::Status DeleteCredential(std::string_view tenant, std::string_view stack_id,
                                        std::string_view provider) = 0;

  // nullopt: not seen, or expired. Until the transaction ends, nobody else's GetIdempotency of the same id returns.
  virtual absl::StatusOr<std::optional<IdempotencyRow>> GetIdempotency(std::string_view tenant, std::string_view method,
                                                                       std::string_view request_id) = 0;
  // ABORTED: the id has an answer that has not expired.
  virtual absl::Status PutIdempotency(const IdempotencyRow& row) = 0;

  // Adds an event to the tenant's audit log (audit_line.h) and returns the line that it is kept as. The event's
  // sequence is given here. The last thing of a transaction: until it ends, the tenant's other changes wait.
  virtual absl::StatusOr<std::string> AppendAudit(std::string_view tenant, v1::AuditEvent event) = 0;

  // Delivered to every replica's subscribers after the commit, at most once each topic.
  virtual void Notify(std::string_view topic) = 0;
};

// Topics. Deliveries may be lost when a connection breaks (kTopicAll is delivered once it is back): a hint to look, not
// a fact.
inline constexpr std::string_view kTopicQueue = "queue";  // there may be a run to claim
inline constexpr std::string_view kTopicRun = "run:";     // + uid: events or status changed
inline constexpr std::string_view kTopicAll = "*";        // look at everything

class Store {
 public:
  struct Options {
    std::string database_url;  // `postgresql://...`, or `sqlite:PATH`
    std::string replica;       // this process's name among replicas: unique, kept over restarts
    int connections = 8;       // of PostgreSQL, or of SQLite's readers
    absl::Duration busy_timeout = absl::Seconds(10);
  };
  // Opens or creates it and brings its tables up to date (under a lock, so that replicas may start together).
  // FAILED_PRECONDITION: made by a newer version. Errors name the database without its password.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const Options& options);
  virtual ~Store() = default;

  // Runs `body` and commits when it returns OK, else rolls back and returns its status. Runs it again, at most 5 times,
  // when the database asks for that (deadlock, serialization, a connection that broke before the commit): `body` must
  // have no other effects, and must not call Transact. UNAVAILABLE: the database cannot be reached, or has no room left
  // (the message says so), and nothing was changed. UNKNOWN: the connection broke at the commit itself, which may or
  // may not have been done.
  virtual absl::Status Transact(absl::FunctionRef<absl::Status(Transaction&)> body) = 0;

  // Reads without locks.
  virtual absl::StatusOr<StackRow> GetStack(std::string_view tenant, std::string_view id) = 0;
  virtual absl::StatusOr<StackRow> GetStackByUid(std::string_view uid) = 0;
  virtual absl::StatusOr<RunRow> GetRun(std::string_view uid) = 0;
  virtual absl::StatusOr<Listed<StackRow>> ListStacks(const StackQuery& query) = 0;
  virtual absl::StatusOr<Listed<RunRow>> ListRuns(const RunQuery& query) = 0;
  virtual absl::StatusOr<Listed<v1::AuditEvent>> ListAuditEvents(const AuditQuery& query) = 0;  // newest first
  virtual absl::StatusOr<std::vector<EventRow>> Events(std::string_view run_uid, int64_t after, int limit) = 0;
  virtual absl::StatusOr<std::vector<LedgerRow>> Ledger(std::string_view run_uid) = 0;
  virtual absl::StatusOr<StateVersionRow> GetStateVersion(std::string_view stack_uid,
                                                          int64_t serial) = 0;  // with `sealed`
  virtual absl::StatusOr<Listed<StateVersionRow>> ListStateVersions(std::string_view stack_uid, const Page& page) = 0;
  virtual absl::StatusOr<std::string> GetBlob(std::string_view run_uid, std::string_view name) = 0;
  virtual absl::StatusOr<TenantUse> Use(std::string_view tenant) = 0;
  // The present ones of the tenant, then those of the stack where `stack_id` names one; each in the order of providers.
  virtual absl::StatusOr<std::vector<CredentialRow>> Credentials(std::string_view tenant,
                                                                 std::string_view stack_id) = 0;
  // A present or former version. NOT_FOUND once it is gone.
  virtual absl::StatusOr<CredentialRow> GetCredential(std::string_view uid) = 0;
  virtual absl::StatusOr<int> QueuePosition(std::string_view run_uid) = 0;

  // Of all tenants: how many runs have not ended, by status.
  virtual absl::StatusOr<std::map<v1::RunStatus, int64_t>> CountOpenRuns() = 0;

  // Takes the run that is next in turn and grants it its stack's lease, in one transaction: the oldest PENDING or
  // CONFIRMED run of the tenant with the fewest leases (ties: the tenant served least recently), whose stack has no
  // lease, no StackLock that still counts, and no older open run, and whose tenant is under limits.per_tenant. The
  // returned row has its epoch; its stack row has lease_run, lease_holder = replica and lease_expires = now + ttl.
  // nullopt: nothing to do. Replicas never get the same run (SKIP LOCKED).
  virtual absl::StatusOr<std::optional<RunRow>> ClaimRun(const RunLimits& limits, absl::Duration ttl) = 0;

  // Extends this replica's leases of `run_uids`; returns those that it no longer has (epoch moved on, other holder). A
  // stack's version stays: a heartbeat is no change that an etag should tell of. Claims and take-overs count as one.
  virtual absl::StatusOr<std::vector<std::string>> RenewLeases(const std::vector<std::string>& run_uids,
                                                               absl::Duration ttl) = 0;

  // Takes over runs whose lease has run out, or, with `own`, was granted to a former process of this replica: grants
  // each a new epoch, so that whatever still writes under the old one is refused. At most `limit`; called again, it
  // goes on with the rest, and never gives what this process was granted and still holds. Leases of more than twice
  // `ttl`, which a clock that was set back leaves, are cut to `ttl`.
  virtual absl::StatusOr<std::vector<RunRow>> TakeOver(bool own, absl::Duration ttl, int limit) = 0;

  // Stacks that have expired, or whose drift check is due, at `now`; at most `limit`.
  virtual absl::StatusOr<std::vector<StackRow>> DueStacks(absl::Time now, int limit) = 0;

  // Drops what is past its time (idempotency, tombstones, former credentials; events, ledger and blobs of runs that
  // ended before `events_before`), a bounded batch a call; returns how many rows went: 0 when nothing is left to do.
  virtual absl::StatusOr<int64_t> Sweep(absl::Time now, absl::Time events_before) = 0;

  // `callback` runs on a thread of the store's own, must not block, and hears topics until the subscription goes, which
  // it must not do within the callback. With SQLite only what this Store committed is heard.
  class Subscription {
   public:
    virtual ~Subscription() = default;
  };
  virtual std::unique_ptr<Subscription> Subscribe(std::function<void(std::string_view topic)> callback) = 0;

  // For readiness: OK when the database answers.
  virtual absl::Status Ping() = 0;

  // For metrics: connections on loan now, and threads that wait for one.
  struct Connections {
    int in_use = 0;
    int waiting = 0;
  };
  virtual Connections connections() = 0;
};

}  // namespace stratus::provisioning::store
