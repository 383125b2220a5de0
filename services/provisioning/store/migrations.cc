#include "services/provisioning/store/migrations.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "services/provisioning/store/approval_rewrite.h"

namespace stratus::provisioning::store {
namespace {

// Columns hold what is asked for; the rest is in `record`, a serialized v1 message. Times are microseconds since 1970,
// the largest number for never. Bytes come last in a row: SQLite reads a row from its start.
std::vector<const char*> FirstTables() {
  return {
      R"(CREATE TABLE stacks (
         uid {key} NOT NULL PRIMARY KEY,
         tenant {key} NOT NULL,
         id {key} NOT NULL,
         version BIGINT NOT NULL,
         module {key} NOT NULL,
         state BIGINT NOT NULL,
         protected BIGINT NOT NULL,
         create_time BIGINT NOT NULL,
         update_time BIGINT NOT NULL,
         held_until BIGINT NOT NULL,  -- by LockStack
         epoch BIGINT NOT NULL,
         lease_run {key} NOT NULL,
         lease_holder {key} NOT NULL,
         lease_session {key} NOT NULL,  -- the process that was granted it
         lease_expires BIGINT NOT NULL,
         lock_id {key} NOT NULL,
         lock_epoch BIGINT NOT NULL,
         state_serial BIGINT NOT NULL,
         expire_time BIGINT NOT NULL,
         next_drift_check BIGINT NOT NULL,
         lock_info {bytes} NOT NULL,
         record {bytes} NOT NULL,
         sealed_variables {bytes} NOT NULL,
         sealed_outputs {bytes} NOT NULL,
         UNIQUE (tenant, id)))",
      "CREATE INDEX stacks_by_create_time ON stacks (tenant, create_time, uid)",
      "CREATE INDEX stacks_by_update_time ON stacks (tenant, update_time, uid)",
      "CREATE INDEX stacks_by_state ON stacks (tenant, state, id)",
      "CREATE INDEX stacks_by_module ON stacks (tenant, module, id)",
      "CREATE INDEX stacks_by_expire_time ON stacks (expire_time)",
      "CREATE INDEX stacks_by_drift_check ON stacks (next_drift_check)",
      "CREATE INDEX stacks_leased ON stacks (tenant, lease_expires) WHERE lease_run <> ''",

      R"(CREATE TABLE labels (
         stack_uid {key} NOT NULL REFERENCES stacks (uid) ON DELETE CASCADE,
         tenant {key} NOT NULL,
         name {key} NOT NULL,
         value {key} NOT NULL,
         PRIMARY KEY (stack_uid, name)))",
      "CREATE INDEX labels_by_value ON labels (tenant, name, value, stack_uid)",

      // seq is the order of arrival: clocks jump.
      R"(CREATE TABLE runs (
         seq {serial},
         uid {key} NOT NULL UNIQUE,
         stack_uid {key} NOT NULL REFERENCES stacks (uid) ON DELETE CASCADE,
         stack_id {key} NOT NULL,
         tenant {key} NOT NULL,
         version BIGINT NOT NULL,
         epoch BIGINT NOT NULL,
         kind BIGINT NOT NULL,
         status BIGINT NOT NULL,
         is_open BIGINT NOT NULL,    -- has not ended
         is_queued BIGINT NOT NULL,  -- PENDING or CONFIRMED
         create_time BIGINT NOT NULL,
         end_time BIGINT NOT NULL,
         last_sequence BIGINT NOT NULL,
         has_details BIGINT NOT NULL,  -- events, ledger and blobs, until they are swept
         cancel_requested BIGINT NOT NULL,
         force_cancel_requested BIGINT NOT NULL,
         deletes_stack BIGINT NOT NULL,
         work_folder {key} NOT NULL,
         record {bytes} NOT NULL,
         sealed_variables {bytes} NOT NULL))",
      "CREATE INDEX runs_by_stack ON runs (stack_uid, seq)",
      "CREATE INDEX runs_by_tenant ON runs (tenant, seq)",
      "CREATE INDEX runs_open ON runs (stack_uid, seq) WHERE is_open = 1",
      "CREATE INDEX runs_queued ON runs (tenant, seq) WHERE is_queued = 1",
      "CREATE INDEX runs_ended ON runs (end_time) WHERE is_open = 0 AND has_details = 1",

      R"(CREATE TABLE events (
         run_uid {key} NOT NULL REFERENCES runs (uid) ON DELETE CASCADE,
         sequence BIGINT NOT NULL,
         event {bytes} NOT NULL,
         PRIMARY KEY (run_uid, sequence)))",

      R"(CREATE TABLE ledger (
         run_uid {key} NOT NULL REFERENCES runs (uid) ON DELETE CASCADE,
         address {key} NOT NULL,
         resource_type {key} NOT NULL,
         action BIGINT NOT NULL,
         phase BIGINT NOT NULL,
         id_key {key} NOT NULL,
         id {key} NOT NULL,
         started BIGINT NOT NULL,
         PRIMARY KEY (run_uid, address)))",

      R"(CREATE TABLE blobs (
         run_uid {key} NOT NULL REFERENCES runs (uid) ON DELETE CASCADE,
         name {key} NOT NULL,
         sealed {bytes} NOT NULL,
         PRIMARY KEY (run_uid, name)))",

      R"(CREATE TABLE state_versions (
         stack_uid {key} NOT NULL REFERENCES stacks (uid) ON DELETE CASCADE,
         serial BIGINT NOT NULL,
         record {bytes} NOT NULL,
         sealed {bytes} NOT NULL,
         PRIMARY KEY (stack_uid, serial)))",

      // Runs of stacks that are gone.
      R"(CREATE TABLE tombstones (
         uid {key} NOT NULL PRIMARY KEY,
         stack_uid {key} NOT NULL,
         stack_id {key} NOT NULL,
         tenant {key} NOT NULL,
         version BIGINT NOT NULL,
         epoch BIGINT NOT NULL,
         last_sequence BIGINT NOT NULL,
         cancel_requested BIGINT NOT NULL,
         force_cancel_requested BIGINT NOT NULL,
         deletes_stack BIGINT NOT NULL,
         work_folder {key} NOT NULL,
         expires BIGINT NOT NULL,
         record {bytes} NOT NULL,
         sealed_variables {bytes} NOT NULL))",
      "CREATE INDEX tombstones_by_expires ON tombstones (expires)",

      R"(CREATE TABLE idempotency (
         tenant {key} NOT NULL,
         method {key} NOT NULL,
         request_id {key} NOT NULL,
         expires BIGINT NOT NULL,
         payload_hash {bytes} NOT NULL,
         reply {bytes} NOT NULL,
         PRIMARY KEY (tenant, method, request_id)))",
      "CREATE INDEX idempotency_by_expires ON idempotency (expires)",

      // `served`: whose turn it was last, the larger, the later. `stacks`: how many it has; counting them would read
      // them.
      "CREATE TABLE tenants (tenant {key} NOT NULL PRIMARY KEY, served BIGINT NOT NULL, stacks BIGINT NOT NULL)",
      "CREATE INDEX tenants_by_served ON tenants (served)",
  };
}

// A credential of a stack is kept by the stack's id, because it may come before the stack does.
std::vector<const char*> CredentialTables() {
  return {
      R"(CREATE TABLE credentials (
         uid {key} NOT NULL PRIMARY KEY,  -- of a version
         tenant {key} NOT NULL,
         stack_id {key} NOT NULL,  -- empty: the tenant's own
         provider {key} NOT NULL,
         expires BIGINT NOT NULL,  -- of a former version; of the present one, the largest number
         record {bytes} NOT NULL,
         sealed {bytes} NOT NULL))",
      "CREATE UNIQUE INDEX credentials_present ON credentials (tenant, stack_id, provider) "
      "WHERE expires = 9223372036854775807",
      "CREATE INDEX credentials_by_name ON credentials (tenant, stack_id, provider)",
      "CREATE INDEX credentials_by_expires ON credentials (expires)",
  };
}

// `line` is what the chain is over (audit_line.h); what stands beside it is for finding it. Of each tenant's chain
// `audit_heads` has the end, so that a chain that was cut short is seen.
std::vector<const char*> AuditTables() {
  return {
      R"(CREATE TABLE audit (
         tenant {key} NOT NULL,
         sequence BIGINT NOT NULL,
         time BIGINT NOT NULL,
         principal {key} NOT NULL,
         method {key} NOT NULL,
         resource {key} NOT NULL,
         code {key} NOT NULL,
         line {key} NOT NULL,
         PRIMARY KEY (tenant, sequence)))",
      "CREATE INDEX audit_by_time ON audit (tenant, time)",
      "CREATE INDEX audit_by_principal ON audit (tenant, principal, sequence)",
      "CREATE INDEX audit_by_resource ON audit (tenant, resource, sequence)",
      "CREATE TABLE audit_heads (tenant {key} NOT NULL PRIMARY KEY, sequence BIGINT NOT NULL, hash {key} NOT NULL)",
  };
}

absl::StatusOr<int64_t> CurrentVersion(Connection& connection) {
  absl::StatusOr<int64_t> made = connection.Execute(
      "CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT NOT NULL PRIMARY KEY, applied BIGINT NOT NULL)");
  if (!made.ok()) return made.status();
  int64_t version = 0;
  absl::StatusOr<int64_t> read =
      connection.Execute("SELECT COALESCE(MAX(version), 0) FROM schema_migrations", {}, [&](const Row& row) {
        version = row.Int(0);
        return absl::OkStatus();
      });
  if (!read.ok()) return read.status();
  return version;
}

absl::Status Apply(Connection& connection, const Migration& migration) {
  for (const char* statement : migration.statements) {
    absl::Status status = connection.Execute(statement).status();
    if (!status.ok()) return status;
  }
  if (migration.rewrite != nullptr) {
    if (absl::Status status = migration.rewrite(connection); !status.ok()) return status;
  }
  return connection.Execute("INSERT INTO schema_migrations (version, applied) VALUES ($1, {now})", {migration.version})
      .status();
}

absl::Status ApplyMissing(Connection& connection, const std::vector<Migration>& migrations) {
  absl::Status status = connection.Lock("migrations");
  if (!status.ok()) return status;
  absl::StatusOr<int64_t> version = CurrentVersion(connection);
  if (!version.ok()) return version.status();
  const int64_t newest = migrations.back().version;
  if (*version > newest) {
    return absl::FailedPreconditionError(absl::StrCat("the database's tables are of version ", *version,
                                                      ", this program knows ", newest,
                                                      " and older: run a newer program, or restore a backup"));
  }
  for (const Migration& migration : migrations) {
    if (migration.version <= *version) continue;
    status = Apply(connection, migration);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

const std::vector<Migration>& Migrations() {
  static const std::vector<Migration> migrations = {
      {1, FirstTables()}, {2, AuditTables(), RewriteApprovals}, {3, CredentialTables()}};
  return migrations;
}

absl::Status Migrate(Connection& connection, const std::vector<Migration>& migrations) {
  absl::Status status = connection.Begin();
  if (!status.ok()) return status;
  status = ApplyMissing(connection, migrations);
  if (status.ok()) return connection.Commit();
  connection.Rollback();
  return status;
}

}  // namespace stratus::provisioning::store
