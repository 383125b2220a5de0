#include "services/provisioning/store/run_table.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/store/query.h"
#include "services/provisioning/store/row_codec.h"

namespace stratus::provisioning::store {
namespace {

constexpr size_t kBlobBytesMax = size_t{64} << 20;
constexpr int kEventsMax = 10'000;  // of one answer

std::string RunQueryText(std::string_view rest) {
  return absl::StrCat("SELECT ", core::ToAbsl(kRunColumns), " FROM ", core::ToAbsl(rest));
}

absl::Status NoSuchRun(std::string_view uid) {
  return absl::NotFoundError(absl::StrCat("there is no run ", core::ToAbsl(uid)));
}

absl::StatusOr<RunRow> ReadOne(Connection& connection, std::string_view sql, std::string_view uid) {
  auto run = SelectFirst(connection, sql, {uid}, DecodeRun);
  if (!run.ok()) return run.status();
  if (!run->has_value()) return NoSuchRun(uid);
  return **std::move(run);
}

absl::StatusOr<EventRow> DecodeEvent(const Row& row) {
  EventRow event;
  event.sequence = row.Int(0);
  if (!event.event.ParseFromArray(row.Text(1).data(), static_cast<int>(row.Text(1).size()))) {
    return absl::DataLossError(absl::StrCat("the stored event ", event.sequence, " does not parse"));
  }
  return event;
}

absl::StatusOr<LedgerRow> DecodeLedger(const Row& row) {
  LedgerRow ledger;
  ledger.address = row.Text(0);
  ledger.resource_type = row.Text(1);
  ledger.action = static_cast<v1::ResourceChange::Action>(row.Int(2));
  ledger.phase = static_cast<v1::RunEvent::ResourceProgress::Phase>(row.Int(3));
  ledger.id_key = row.Text(4);
  ledger.id = row.Text(5);
  ledger.started = FromMicros(row.Int(6));
  return ledger;
}

}  // namespace

absl::StatusOr<RunRow> ReadRun(Connection& connection, std::string_view uid) {
  static const std::string sql(RunQueryText("runs r WHERE r.uid = $1"));
  return ReadOne(connection, sql, uid);
}

absl::StatusOr<RunRow> ReadRunOrTombstone(Connection& connection, std::string_view uid) {
  absl::StatusOr<RunRow> run = ReadRun(connection, uid);
  if (!absl::IsNotFound(run.status())) return run;
  static const std::string sql(RunQueryText("tombstones r WHERE r.uid = $1 AND r.expires > {now}"));
  return ReadOne(connection, sql, uid);
}

absl::StatusOr<RunRow> ReadRunForUpdate(Connection& connection, std::string_view uid) {
  absl::StatusOr<int64_t> locked = connection.Execute(
      "SELECT 1 FROM stacks WHERE uid = (SELECT stack_uid FROM runs WHERE uid = $1) {for_update}", {uid});
  if (!locked.ok()) return locked.status();
  static const std::string sql(RunQueryText("runs r WHERE r.uid = $1 {for_update}"));
  return ReadOne(connection, sql, uid);
}

absl::StatusOr<std::vector<RunRow>> ReadOpenRunsForUpdate(Connection& connection, std::string_view stack_uid) {
  absl::StatusOr<int64_t> locked = connection.Execute("SELECT 1 FROM stacks WHERE uid = $1 {for_update}", {stack_uid});
  if (!locked.ok()) return locked.status();
  static const std::string sql(
      RunQueryText("runs r WHERE r.stack_uid = $1 AND r.is_open = 1 ORDER BY r.seq {for_update}"));
  return Select(connection, sql, {stack_uid}, DecodeRun);
}

absl::Status InsertRun(Connection& connection, const RunRow& run) {
  const std::string record = Serialize(run.record);
  absl::StatusOr<int64_t> rows = connection.Execute(
      R"(INSERT INTO runs (uid, stack_uid, stack_id, tenant, version, epoch, kind, status, is_open, is_queued,
           create_time, end_time, last_sequence, has_details, cancel_requested, force_cancel_requested, deletes_stack,
           work_folder, record, sealed_variables)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, 1, $13, $14, $15, $16, $17, $18)
         ON CONFLICT DO NOTHING)",
      {run.uid, run.stack_uid, run.stack_id, run.tenant, run.version, run.epoch, int64_t{run.record.kind()},
       int64_t{run.record.status()}, IsOpen(run.record.status()), IsQueued(run.record.status()),
       ToMicros(run.record.create_time()), ToMicros(run.record.end_time()), run.cancel_requested,
       run.force_cancel_requested, run.deletes_stack, run.work_folder, Bytes{record}, Bytes{run.sealed_variables}});
  if (!rows.ok()) return rows.status();
  if (*rows == 0) return absl::AlreadyExistsError(absl::StrCat("there is a run ", run.uid, " already"));
  return absl::OkStatus();
}

absl::Status UpdateRun(Connection& connection, RunRow* run) {
  const std::string record = Serialize(run->record);
  // last_sequence is AppendEvents' alone: no other write can tear a hole into it.
  absl::StatusOr<int64_t> rows = connection.Execute(
      R"(UPDATE runs SET version = version + 1, epoch = $3, kind = $4, status = $5, is_open = $6, is_queued = $7,
           create_time = $8, end_time = $9, cancel_requested = $10, force_cancel_requested = $11, deletes_stack = $12,
           work_folder = $13, record = $14, sealed_variables = $15
         WHERE uid = $1 AND version = $2)",
      {run->uid, run->version, run->epoch, int64_t{run->record.kind()}, int64_t{run->record.status()},
       IsOpen(run->record.status()), IsQueued(run->record.status()), ToMicros(run->record.create_time()),
       ToMicros(run->record.end_time()), run->cancel_requested, run->force_cancel_requested, run->deletes_stack,
       run->work_folder, Bytes{record}, Bytes{run->sealed_variables}});
  if (!rows.ok()) return rows.status();
  if (*rows == 0) {
    absl::StatusOr<RunRow> found = ReadRun(connection, run->uid);
    if (!found.ok()) return found.status();
    return absl::AbortedError(absl::StrCat("the run ", run->uid, " was changed by someone else: read it again"));
  }
  ++run->version;
  return absl::OkStatus();
}

absl::Status AppendEvents(Connection& connection, RunRow* run, std::vector<v1::RunEvent> events) {
  if (events.empty()) return absl::OkStatus();
  // The row is locked by this update until the transaction ends: nobody else numbers events meanwhile.
  auto last = SelectFirst(connection,
                          "UPDATE runs SET last_sequence = last_sequence + $2, has_details = 1 WHERE uid = $1 "
                          "RETURNING last_sequence",
                          {run->uid, static_cast<int64_t>(events.size())}, DecodeInt);
  if (!last.ok()) return last.status();
  if (!last->has_value()) return NoSuchRun(run->uid);
  int64_t sequence = **last - static_cast<int64_t>(events.size());
  for (v1::RunEvent& event : events) {
    event.set_sequence(++sequence);
    const std::string bytes = Serialize(event);
    absl::Status status = connection
                              .Execute("INSERT INTO events (run_uid, sequence, event) VALUES ($1, $2, $3)",
                                       {run->uid, sequence, Bytes{bytes}})
                              .status();
    if (!status.ok()) return status;
  }
  run->record.set_last_sequence(sequence);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<EventRow>> ReadEvents(Connection& connection, std::string_view run_uid, int64_t after,
                                                 int limit) {
  return Select(connection,
                "SELECT sequence, event FROM events WHERE run_uid = $1 AND sequence > $2 ORDER BY sequence LIMIT $3",
                {run_uid, after, std::clamp(limit, 0, kEventsMax)}, DecodeEvent);
}

absl::Status PutLedger(Connection& connection, std::string_view run_uid, const LedgerRow& row) {
  return connection
      .Execute(R"(INSERT INTO ledger (run_uid, address, resource_type, action, phase, id_key, id, started)
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                  ON CONFLICT (run_uid, address) DO UPDATE SET resource_type = excluded.resource_type,
                    action = excluded.action, phase = excluded.phase, id_key = excluded.id_key, id = excluded.id,
                    started = excluded.started)",
               {run_uid, row.address, row.resource_type, int64_t{row.action}, int64_t{row.phase}, row.id_key, row.id,
                ToMicros(row.started)})
      .status();
}

absl::StatusOr<std::vector<LedgerRow>> ReadLedger(Connection& connection, std::string_view run_uid) {
  return Select(connection,
                "SELECT address, resource_type, action, phase, id_key, id, started FROM ledger WHERE run_uid = $1 "
                "ORDER BY address",
                {run_uid}, DecodeLedger);
}

absl::Status PutBlob(Connection& connection, std::string_view run_uid, std::string_view name, std::string_view sealed) {
  if (sealed.size() > kBlobBytesMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat("`", core::ToAbsl(name), "` of a run may have at most 64 MiB, not ", sealed.size(), " bytes"));
  }
  return connection
      .Execute(
          "INSERT INTO blobs (run_uid, name, sealed) VALUES ($1, $2, $3) "
          "ON CONFLICT (run_uid, name) DO UPDATE SET sealed = excluded.sealed",
          {run_uid, name, Bytes{sealed}})
      .status();
}

absl::StatusOr<std::string> ReadBlob(Connection& connection, std::string_view run_uid, std::string_view name) {
  auto sealed =
      SelectFirst(connection, "SELECT sealed FROM blobs WHERE run_uid = $1 AND name = $2", {run_uid, name}, DecodeText);
  if (!sealed.ok()) return sealed.status();
  if (!sealed->has_value()) {
    return absl::NotFoundError(absl::StrCat("the run ", core::ToAbsl(run_uid), " has no ", core::ToAbsl(name)));
  }
  return **std::move(sealed);
}

}  // namespace stratus::provisioning::store
