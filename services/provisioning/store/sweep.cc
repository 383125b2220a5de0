#include "services/provisioning/store/sweep.h"

#include <algorithm>
#include <string>

#include "services/provisioning/store/credential_table.h"
#include "services/provisioning/store/query.h"
#include "services/provisioning/store/row_codec.h"

namespace stratus::provisioning::store {
namespace {

constexpr int64_t kRowsMax = 2000;  // of a kind, a call: a sweep must not hold up the writer
constexpr int kRunsMax = 50;

// Events first, and batch by batch; the rest of a run's details is small and goes with the last of them.
absl::StatusOr<int64_t> SweepRun(Connection& connection, const std::string& uid, int64_t rows_max) {
  absl::StatusOr<int64_t> gone = connection.Execute(
      "DELETE FROM events WHERE run_uid = $1 AND sequence IN "
      "(SELECT sequence FROM events WHERE run_uid = $1 ORDER BY sequence LIMIT $2)",
      {uid, rows_max});
  if (!gone.ok() || *gone >= rows_max) return gone;
  for (const char* sql : {"DELETE FROM ledger WHERE run_uid = $1", "DELETE FROM blobs WHERE run_uid = $1",
                          "UPDATE runs SET has_details = 0 WHERE uid = $1"}) {
    absl::StatusOr<int64_t> rows = connection.Execute(sql, {uid});
    if (!rows.ok()) return rows;
    *gone += *rows;
  }
  --*gone;  // the run itself stays
  return gone;
}

absl::StatusOr<int64_t> SweepRuns(Connection& connection, absl::Time ended_before) {
  auto uids = Select(connection,
                     "SELECT uid FROM runs WHERE is_open = 0 AND has_details = 1 AND end_time < $1 "
                     "ORDER BY end_time LIMIT $2 {for_update_skip_locked}",
                     {ToMicros(ended_before), kRunsMax}, DecodeText);
  if (!uids.ok()) return uids.status();
  int64_t gone = 0;
  for (const std::string& uid : *uids) {
    if (gone >= kRowsMax) break;
    absl::StatusOr<int64_t> rows = SweepRun(connection, uid, kRowsMax - gone);
    if (!rows.ok()) return rows;
    gone += *rows;
  }
  return gone;
}

}  // namespace

absl::StatusOr<int64_t> Sweep(Connection& connection, absl::Time now, absl::Time events_before) {
  absl::StatusOr<int64_t> answers = connection.Execute(
      "DELETE FROM idempotency WHERE (tenant, method, request_id) IN "
      "(SELECT tenant, method, request_id FROM idempotency WHERE expires <= $1 ORDER BY expires LIMIT $2)",
      {ToMicros(now), kRowsMax});
  if (!answers.ok()) return answers;
  absl::StatusOr<int64_t> tombstones = connection.Execute(
      "DELETE FROM tombstones WHERE uid IN "
      "(SELECT uid FROM tombstones WHERE expires <= $1 ORDER BY expires LIMIT $2)",
      {ToMicros(now), kRowsMax});
  if (!tombstones.ok()) return tombstones;
  absl::StatusOr<int64_t> credentials = SweepCredentials(connection, now, kRowsMax);
  if (!credentials.ok()) return credentials;
  absl::StatusOr<int64_t> details = SweepRuns(connection, events_before);
  if (!details.ok()) return details;
  return *answers + *tombstones + *credentials + *details;
}

}  // namespace stratus::provisioning::store
