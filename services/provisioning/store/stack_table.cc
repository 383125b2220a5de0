#include "services/provisioning/store/stack_table.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/store/credential_table.h"
#include "services/provisioning/store/query.h"
#include "services/provisioning/store/row_codec.h"

namespace stratus::provisioning::store {
namespace {

using Labels = std::map<std::string, std::string>;

constexpr absl::Duration kTombstoneTime = absl::Hours(24);

// Both ways to name a stack, with and without a lock: made once.
std::string StackQueryText(std::string_view where, Lock lock) {
  return absl::StrCat("SELECT ", core::ToAbsl(kStackColumns), " FROM stacks s WHERE ", core::ToAbsl(where),
                      lock == Lock::kForUpdate ? " {for_update}" : "");
}

absl::StatusOr<StackRow> ReadOne(Connection& connection, std::string_view sql, Params params, std::string_view name) {
  auto stack = SelectFirst(connection, sql, params, DecodeStack);
  if (!stack.ok()) return stack.status();
  if (!stack->has_value()) return absl::NotFoundError(absl::StrCat("there is no stack ", core::ToAbsl(name)));
  return **std::move(stack);
}

Labels LabelsOf(const v1::Stack& stack) { return {stack.labels().begin(), stack.labels().end()}; }

absl::Status InsertLabels(Connection& connection, const StackRow& stack, const Labels& labels) {
  for (const auto& [name, value] : labels) {
    absl::Status status = connection
                              .Execute("INSERT INTO labels (stack_uid, tenant, name, value) VALUES ($1, $2, $3, $4)",
                                       {stack.uid, stack.tenant, name, value})
                              .status();
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// Most writes of a stack leave its labels alone: look before writing.
absl::Status UpdateLabels(Connection& connection, const StackRow& stack) {
  Labels stored;
  absl::Status status = connection
                            .Execute("SELECT name, value FROM labels WHERE stack_uid = $1", {stack.uid},
                                     [&](const Row& row) {
                                       stored.emplace(row.Text(0), row.Text(1));
                                       return absl::OkStatus();
                                     })
                            .status();
  const Labels wanted = LabelsOf(stack.record);
  if (!status.ok() || stored == wanted) return status;
  status = connection.Execute("DELETE FROM labels WHERE stack_uid = $1", {stack.uid}).status();
  if (!status.ok()) return status;
  return InsertLabels(connection, stack, wanted);
}

}  // namespace

absl::StatusOr<StackRow> ReadStack(Connection& connection, std::string_view tenant, std::string_view id, Lock lock) {
  static const std::string plain(StackQueryText("s.tenant = $1 AND s.id = $2", Lock::kNo));
  static const std::string locked(StackQueryText("s.tenant = $1 AND s.id = $2", Lock::kForUpdate));
  return ReadOne(connection, lock == Lock::kNo ? plain : locked, {tenant, id}, id);
}

absl::StatusOr<StackRow> ReadStackByUid(Connection& connection, std::string_view uid, Lock lock) {
  static const std::string plain(StackQueryText("s.uid = $1", Lock::kNo));
  static const std::string locked(StackQueryText("s.uid = $1", Lock::kForUpdate));
  return ReadOne(connection, lock == Lock::kNo ? plain : locked, {uid}, uid);
}

absl::Status InsertStack(Connection& connection, const StackRow& stack) {
  const std::string record = Serialize(stack.record);
  absl::StatusOr<int64_t> rows = connection.Execute(
      R"(INSERT INTO stacks (uid, tenant, id, version, module, state, protected, create_time, update_time, held_until,
           epoch, lease_run, lease_holder, lease_session, lease_expires, lock_id, lock_epoch, state_serial,
           expire_time, next_drift_check, lock_info, record, sealed_variables, sealed_outputs)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, '', $14, $15, $16, $17, $18, $19, $20, $21,
           $22, $23)
         ON CONFLICT DO NOTHING)",
      {stack.uid,
       stack.tenant,
       stack.id,
       stack.version,
       stack.record.module(),
       int64_t{stack.record.state()},
       stack.record.protected_(),
       ToMicros(stack.record.create_time()),
       ToMicros(stack.record.update_time()),
       HeldUntil(stack.record),
       stack.epoch,
       stack.lease_run,
       stack.lease_holder,
       ToMicros(stack.lease_expires),
       stack.lock_id,
       stack.lock_epoch,
       stack.state_serial,
       ToMicros(stack.expire_time),
       ToMicros(stack.next_drift_check),
       Bytes{stack.lock_info},
       Bytes{record},
       Bytes{stack.sealed_variables},
       Bytes{stack.sealed_outputs}});
  if (!rows.ok()) return rows.status();
  if (*rows == 0) return absl::AlreadyExistsError(absl::StrCat("there is a stack ", stack.id, " already"));
  absl::Status status = connection
                            .Execute(
                                "INSERT INTO tenants (tenant, served, stacks) VALUES ($1, 0, 1) "
                                "ON CONFLICT (tenant) DO UPDATE SET stacks = tenants.stacks + 1",
                                {stack.tenant})
                            .status();
  if (!status.ok()) return status;
  return InsertLabels(connection, stack, LabelsOf(stack.record));
}

absl::Status UpdateStack(Connection& connection, StackRow* stack) {
  const std::string record = Serialize(stack->record);
  // The epoch fences: no writer may take it back.
  absl::StatusOr<int64_t> rows = connection.Execute(
      R"(UPDATE stacks SET version = version + 1, module = $3, state = $4, protected = $5, create_time = $6,
           update_time = $7, held_until = $8, epoch = $9, lease_run = $10, lease_holder = $11, lease_expires = $12,
           lock_id = $13, lock_epoch = $14, state_serial = $15, expire_time = $16, next_drift_check = $17,
           lock_info = $18, record = $19, sealed_variables = $20, sealed_outputs = $21
         WHERE uid = $1 AND version = $2 AND epoch <= $9)",
      {stack->uid,
       stack->version,
       stack->record.module(),
       int64_t{stack->record.state()},
       stack->record.protected_(),
       ToMicros(stack->record.create_time()),
       ToMicros(stack->record.update_time()),
       HeldUntil(stack->record),
       stack->epoch,
       stack->lease_run,
       stack->lease_holder,
       ToMicros(stack->lease_expires),
       stack->lock_id,
       stack->lock_epoch,
       stack->state_serial,
       ToMicros(stack->expire_time),
       ToMicros(stack->next_drift_check),
       Bytes{stack->lock_info},
       Bytes{record},
       Bytes{stack->sealed_variables},
       Bytes{stack->sealed_outputs}});
  if (!rows.ok()) return rows.status();
  if (*rows == 0) {
    absl::StatusOr<StackRow> found = ReadStackByUid(connection, stack->uid, Lock::kNo);
    if (!found.ok()) return found.status();
    return absl::AbortedError(absl::StrCat("the stack ", stack->id, " was changed by someone else: read it again"));
  }
  absl::Status status = UpdateLabels(connection, *stack);
  if (status.ok()) ++stack->version;
  return status;
}

absl::Status DeleteStack(Connection& connection, std::string_view uid) {
  absl::Status status =
      connection
          .Execute(R"(INSERT INTO tombstones (uid, stack_uid, stack_id, tenant, version, epoch, last_sequence,
                        cancel_requested, force_cancel_requested, deletes_stack, work_folder, expires, record,
                        sealed_variables)
                      SELECT uid, stack_uid, stack_id, tenant, version, epoch, last_sequence, cancel_requested,
                        force_cancel_requested, deletes_stack, work_folder, {now} + $2, record, sealed_variables
                      FROM runs WHERE stack_uid = $1)",
                   {uid, ToMicros(kTombstoneTime)})
          .status();
  if (!status.ok()) return status;
  using Name = std::pair<std::string, std::string>;  // tenant, id
  auto gone = SelectFirst(
      connection, "DELETE FROM stacks WHERE uid = $1 RETURNING tenant, id", {uid},
      [](const Row& row) -> absl::StatusOr<Name> { return Name(std::string(row.Text(0)), std::string(row.Text(1))); });
  if (!gone.ok()) return gone.status();
  if (!gone->has_value()) return absl::NotFoundError(absl::StrCat("there is no stack ", core::ToAbsl(uid)));
  const auto& [tenant, id] = **gone;
  status = DeleteStackCredentials(connection, tenant, id);
  if (!status.ok()) return status;
  return connection.Execute("UPDATE tenants SET stacks = stacks - 1 WHERE tenant = $1", {tenant}).status();
}

}  // namespace stratus::provisioning::store
