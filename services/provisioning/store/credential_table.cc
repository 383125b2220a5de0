#include "services/provisioning/store/credential_table.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/store/query.h"
#include "services/provisioning/store/row_codec.h"

namespace stratus::provisioning::store {
namespace {

constexpr int kFormerMax = 8;  // of one credential

absl::StatusOr<CredentialRow> Decode(const Row& row) {
  CredentialRow found{.uid = std::string(row.Text(0)),
                      .tenant = std::string(row.Text(1)),
                      .stack_id = std::string(row.Text(2)),
                      .provider = std::string(row.Text(3)),
                      .record = {},
                      .sealed = std::string(row.Text(5))};
  if (!found.record.ParseFromArray(row.Text(4).data(), static_cast<int>(row.Text(4).size()))) {
    return absl::DataLossError(absl::StrCat("the stored record of credential ", found.uid, " does not parse"));
  }
  return found;
}

int64_t Never() { return ToMicros(absl::InfiniteFuture()); }

}  // namespace

absl::StatusOr<std::vector<CredentialRow>> ReadCredentials(Connection& connection, std::string_view tenant,
                                                           std::string_view stack_id) {
  return Select(connection,
                "SELECT uid, tenant, stack_id, provider, record, sealed FROM credentials "
                "WHERE tenant = $1 AND stack_id IN ('', $2) AND expires = $3 ORDER BY stack_id, provider",
                {tenant, stack_id, Never()}, Decode);
}

absl::StatusOr<CredentialRow> ReadCredentialByUid(Connection& connection, std::string_view uid) {
  auto row =
      SelectFirst(connection, "SELECT uid, tenant, stack_id, provider, record, sealed FROM credentials WHERE uid = $1",
                  {uid}, Decode);
  if (!row.ok()) return row.status();
  if (!row->has_value()) return absl::NotFoundError(absl::StrCat("there is no credential ", core::ToAbsl(uid)));
  return **std::move(row);
}

absl::StatusOr<int> CountCredentials(Connection& connection, std::string_view tenant) {
  auto count = SelectFirst(connection, "SELECT COUNT(*) FROM credentials WHERE tenant = $1 AND expires = $2",
                           {tenant, Never()}, DecodeInt);
  if (!count.ok()) return count.status();
  return static_cast<int>(count->value_or(0));
}

absl::Status PutCredential(Connection& connection, const CredentialRow& row, absl::Time former_until) {
  absl::Status status = connection
                            .Execute(
                                "UPDATE credentials SET expires = $4 "
                                "WHERE tenant = $1 AND stack_id = $2 AND provider = $3 AND expires = $5",
                                {row.tenant, row.stack_id, row.provider, ToMicros(former_until), Never()})
                            .status();
  if (!status.ok()) return status;
  status = connection
               .Execute(
                   "DELETE FROM credentials WHERE tenant = $1 AND stack_id = $2 AND provider = $3 AND uid NOT IN "
                   "(SELECT uid FROM credentials WHERE tenant = $1 AND stack_id = $2 AND provider = $3 "
                   "ORDER BY expires DESC, uid LIMIT $4)",
                   {row.tenant, row.stack_id, row.provider, kFormerMax})
               .status();
  if (!status.ok()) return status;
  const std::string record = Serialize(row.record);
  absl::StatusOr<int64_t> rows = connection.Execute(
      "INSERT INTO credentials (uid, tenant, stack_id, provider, expires, record, sealed) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
      {row.uid, row.tenant, row.stack_id, row.provider, Never(), Bytes{record}, Bytes{row.sealed}});
  if (!rows.ok()) return rows.status();
  if (*rows == 0) return absl::AbortedError("the credential was set by someone else meanwhile: read it again");
  return absl::OkStatus();
}

absl::Status DeleteCredential(Connection& connection, std::string_view tenant, std::string_view stack_id,
                              std::string_view provider) {
  absl::StatusOr<int64_t> rows = connection.Execute(
      "DELETE FROM credentials WHERE tenant = $1 AND stack_id = $2 AND provider = $3", {tenant, stack_id, provider});
  if (!rows.ok()) return rows.status();
  if (*rows == 0) return absl::NotFoundError("there is no such credential");
  return absl::OkStatus();
}

absl::Status DeleteStackCredentials(Connection& connection, std::string_view tenant, std::string_view stack_id) {
  return connection.Execute("DELETE FROM credentials WHERE tenant = $1 AND stack_id = $2", {tenant, stack_id}).status();
}

absl::StatusOr<int64_t> SweepCredentials(Connection& connection, absl::Time now, int64_t limit) {
  return connection.Execute(
      "DELETE FROM credentials WHERE uid IN (SELECT uid FROM credentials WHERE expires <= $1 ORDER BY expires LIMIT "
      "$2)",
      {ToMicros(now), limit});
}

}  // namespace stratus::provisioning::store
