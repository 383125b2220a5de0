#include "services/provisioning/store/run_queue.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/store/query.h"
#include "services/provisioning/store/row_codec.h"
#include "services/provisioning/store/run_table.h"

namespace stratus::provisioning::store {
namespace {

struct Candidate {
  std::string run_uid;
  std::string stack_uid;
};

absl::StatusOr<Candidate> DecodeCandidate(const Row& row) {
  return Candidate{std::string(row.Text(0)), std::string(row.Text(1))};
}

// Tenants that wait and may run one more, in the order of their turns.
constexpr std::string_view kTenantsInTurn = R"(
    SELECT tenant FROM (
      SELECT t.tenant, t.served,
             (SELECT COUNT(*) FROM stacks s WHERE s.tenant = t.tenant AND s.lease_run <> '') AS leases
      FROM tenants t
      WHERE EXISTS (SELECT 1 FROM runs r WHERE r.tenant = t.tenant AND r.is_queued = 1)) AS waiting
    WHERE leases < $1 ORDER BY leases, served, tenant)";

// A tenant's oldest run that may start. {for_update...} locks it and its stack.
constexpr std::string_view kOldestRun = R"(
    SELECT r.uid, r.stack_uid FROM stacks s JOIN runs r ON r.stack_uid = s.uid
    WHERE r.tenant = $1 AND r.is_queued = 1 AND s.lease_run = '' AND s.held_until <= {now}
      AND NOT EXISTS (SELECT 1 FROM runs o WHERE o.stack_uid = r.stack_uid AND o.is_open = 1 AND o.seq < r.seq)
    ORDER BY r.seq LIMIT 1 )";

// Leases that nobody renews. A replica's own are those of its former processes: what this one was granted is looked
// after, so that asking twice takes nothing away.
constexpr std::string_view kAbandoned = R"(
    SELECT s.lease_run, s.uid FROM stacks s
    WHERE s.lease_run <> '' AND (s.lease_expires <= {now}
      OR ($1 = 1 AND s.lease_holder = $2 AND s.lease_session <> $3))
    ORDER BY s.lease_expires LIMIT $4 )";

absl::StatusOr<std::optional<Candidate>> FindCandidate(Connection& connection,
                                                       const std::vector<std::string>& tenants) {
  static const std::string skipping(absl::StrCat(core::ToAbsl(kOldestRun), "{for_update_skip_locked}"));
  static const std::string waiting(absl::StrCat(core::ToAbsl(kOldestRun), "{for_update}"));
  // Past what someone is writing just now first. But a run that was passed over may be the only one: before saying that
  // there is nothing to do, wait for it, or nobody would look again until the next notification.
  for (const std::string& sql : {skipping, waiting}) {
    for (const std::string& tenant : tenants) {
      auto candidate = SelectFirst(connection, sql, {tenant}, DecodeCandidate);
      if (!candidate.ok() || candidate->has_value()) return candidate;
    }
  }
  return std::nullopt;
}

// Grants the stack's lease to the run, under a new epoch.
absl::StatusOr<RunRow> Grant(Connection& connection, const Claimant& claimant, const Candidate& candidate,
                             absl::Duration ttl) {
  auto epoch = SelectFirst(connection,
                           R"(UPDATE stacks SET epoch = epoch + 1, version = version + 1, lease_run = $2,
                                lease_holder = $3, lease_session = $4, lease_expires = {now} + $5
                              WHERE uid = $1 RETURNING epoch)",
                           {candidate.stack_uid, candidate.run_uid, claimant.replica, claimant.session, ToMicros(ttl)},
                           DecodeInt);
  if (!epoch.ok()) return epoch.status();
  if (!epoch->has_value()) return absl::InternalError("a stack went while its lease was granted");
  absl::Status status =
      connection
          .Execute("UPDATE runs SET epoch = $2, version = version + 1 WHERE uid = $1", {candidate.run_uid, **epoch})
          .status();
  if (!status.ok()) return status;
  return ReadRun(connection, candidate.run_uid);
}

// No lease is granted for that long: the clock was set back since. A dead holder's would be kept until it is there
// again; a living one renews its own.
absl::Status ShortenLeases(Connection& connection, absl::Duration ttl) {
  if (ttl <= absl::ZeroDuration()) return absl::OkStatus();
  return connection
      .Execute("UPDATE stacks SET lease_expires = {now} + $1 WHERE lease_run <> '' AND lease_expires > {now} + $2",
               {ToMicros(ttl), ToMicros(2 * ttl)})
      .status();
}

}  // namespace

absl::StatusOr<std::optional<RunRow>> ClaimRun(Connection& connection, const Claimant& claimant,
                                               const RunLimits& limits, absl::Duration ttl) {
  // Whose turn it is depends on every tenant's leases, so claims go one after another over all replicas; a claim takes
  // a few milliseconds, a run far longer.
  absl::Status status = connection.Lock("claim");
  if (!status.ok()) return status;
  auto tenants = Select(connection, kTenantsInTurn, {limits.per_tenant}, DecodeText);
  if (!tenants.ok()) return tenants.status();
  absl::StatusOr<std::optional<Candidate>> candidate = FindCandidate(connection, *tenants);
  if (!candidate.ok()) return candidate.status();
  if (!candidate->has_value()) return std::nullopt;
  absl::StatusOr<RunRow> run = Grant(connection, claimant, **candidate, ttl);
  if (!run.ok()) return run.status();
  status =
      connection
          .Execute("UPDATE tenants SET served = (SELECT MAX(served) + 1 FROM tenants) WHERE tenant = $1", {run->tenant})
          .status();
  if (!status.ok()) return status;
  return *std::move(run);
}

absl::StatusOr<std::vector<std::string>> RenewLeases(Connection& connection, const Claimant& claimant,
                                                     const std::vector<std::string>& run_uids, absl::Duration ttl) {
  std::vector<std::string> lost;
  for (const std::string& run_uid : run_uids) {
    // The version stays: a heartbeat is no change that an etag should tell of.
    absl::StatusOr<int64_t> rows = connection.Execute(
        R"(UPDATE stacks SET lease_expires = {now} + $3
           WHERE uid = (SELECT stack_uid FROM runs WHERE uid = $1) AND lease_run = $1 AND lease_holder = $2
             AND epoch = (SELECT epoch FROM runs WHERE uid = $1))",
        {run_uid, claimant.replica, ToMicros(ttl)});
    if (!rows.ok()) return rows.status();
    if (*rows == 0) lost.push_back(run_uid);
  }
  return lost;
}

absl::StatusOr<std::vector<RunRow>> TakeOver(Connection& connection, const Claimant& claimant, bool own,
                                             absl::Duration ttl, int limit) {
  if (absl::Status status = ShortenLeases(connection, ttl); !status.ok()) return status;
  // What is locked just now is found by the next look, but `own` is asked once, at the start.
  static const std::string skipping = absl::StrCat(core::ToAbsl(kAbandoned), "{for_update_skip_locked}");
  static const std::string waiting = absl::StrCat(core::ToAbsl(kAbandoned), "{for_update}");
  auto abandoned = Select(connection, own ? waiting : skipping,
                          {own, claimant.replica, claimant.session, std::max(limit, 0)}, DecodeCandidate);
  if (!abandoned.ok()) return abandoned.status();
  std::vector<RunRow> runs;
  for (const Candidate& candidate : *abandoned) {
    absl::StatusOr<RunRow> run = Grant(connection, claimant, candidate, ttl);
    if (!run.ok()) return run.status();
    runs.push_back(*std::move(run));
  }
  return runs;
}

absl::StatusOr<TenantUse> ReadUse(Connection& connection, std::string_view tenant) {
  auto use = SelectFirst(connection,
                         R"(SELECT COALESCE((SELECT t.stacks FROM tenants t WHERE t.tenant = $1), 0),
                                   (SELECT COUNT(*) FROM runs r JOIN stacks s ON s.uid = r.stack_uid
                                    WHERE r.tenant = $1 AND r.is_queued = 1 AND s.lease_run <> r.uid),
                                   (SELECT COUNT(*) FROM stacks s WHERE s.tenant = $1 AND s.lease_run <> ''))",
                         {tenant}, [](const Row& row) -> absl::StatusOr<TenantUse> {
                           return TenantUse{.stacks = static_cast<int>(row.Int(0)),
                                            .queued_runs = static_cast<int>(row.Int(1)),
                                            .running_runs = static_cast<int>(row.Int(2))};
                         });
  if (!use.ok()) return use.status();
  return **use;
}

absl::StatusOr<int> ReadQueuePosition(Connection& connection, std::string_view run_uid) {
  auto position = SelectFirst(connection,
                              R"(SELECT (SELECT COUNT(*) FROM runs r JOIN stacks s ON s.uid = r.stack_uid
                                         WHERE r.tenant = me.tenant AND r.is_queued = 1 AND r.seq < me.seq
                                           AND s.lease_run <> r.uid)
                                 FROM runs me JOIN stacks mine ON mine.uid = me.stack_uid
                                 WHERE me.uid = $1 AND me.status = $2 AND mine.lease_run <> me.uid)",
                              {run_uid, int64_t{v1::RUN_STATUS_PENDING}}, DecodeInt);
  if (!position.ok()) return position.status();
  return static_cast<int>(position->value_or(0));
}

absl::StatusOr<std::map<v1::RunStatus, int64_t>> ReadOpenRunCounts(Connection& connection) {
  struct Count {
    v1::RunStatus status;
    int64_t runs;
  };
  auto rows = Select(connection, "SELECT status, COUNT(*) FROM runs WHERE is_open = 1 GROUP BY status", {},
                     [](const Row& row) -> absl::StatusOr<Count> {
                       return Count{static_cast<v1::RunStatus>(row.Int(0)), row.Int(1)};
                     });
  if (!rows.ok()) return rows.status();
  std::map<v1::RunStatus, int64_t> counts;
  for (const Count& row : *rows) counts[row.status] = row.runs;
  return counts;
}

}  // namespace stratus::provisioning::store
