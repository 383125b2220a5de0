#include "services/provisioning/store/state_table.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/store/query.h"
#include "services/provisioning/store/row_codec.h"

namespace stratus::provisioning::store {

absl::Status InsertStateVersion(Connection& connection, std::string_view stack_uid, const StateVersionRow& version) {
  const std::string record = Serialize(version.record);
  absl::StatusOr<int64_t> rows = connection.Execute(
      "INSERT INTO state_versions (stack_uid, serial, record, sealed) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
      {stack_uid, version.serial, Bytes{record}, Bytes{version.sealed}});
  if (!rows.ok()) return rows.status();
  if (*rows == 0) return absl::AbortedError(absl::StrCat("there is a state version ", version.serial, " already"));
  return absl::OkStatus();
}

absl::StatusOr<StateVersionRow> ReadStateVersion(Connection& connection, std::string_view stack_uid, int64_t serial) {
  auto version = SelectFirst(
      connection, "SELECT record, sealed FROM state_versions WHERE stack_uid = $1 AND serial = $2", {stack_uid, serial},
      [&](const Row& row) -> absl::StatusOr<StateVersionRow> {
        StateVersionRow found{.serial = serial, .record = {}, .sealed = std::string(row.Text(1))};
        if (!found.record.ParseFromArray(row.Text(0).data(), static_cast<int>(row.Text(0).size()))) {
          return absl::DataLossError(absl::StrCat("the stored record of state version ", serial, " does not parse"));
        }
        return found;
      });
  if (!version.ok()) return version.status();
  if (!version->has_value()) return absl::NotFoundError(absl::StrCat("there is no state version ", serial));
  return **std::move(version);
}

absl::StatusOr<std::optional<IdempotencyRow>> ReadIdempotency(Connection& connection, std::string_view tenant,
                                                              std::string_view method, std::string_view request_id) {
  // Two calls with one id at once: the second waits here, and then sees what the first was answered.
  absl::Status status = connection.Lock(
      absl::StrCat("idempotency/", core::ToAbsl(tenant), "/", core::ToAbsl(method), "/", core::ToAbsl(request_id)));
  if (!status.ok()) return status;
  return SelectFirst(connection,
                     "SELECT payload_hash, reply, expires FROM idempotency "
                     "WHERE tenant = $1 AND method = $2 AND request_id = $3 AND expires > {now}",
                     {tenant, method, request_id}, [&](const Row& row) -> absl::StatusOr<IdempotencyRow> {
                       return IdempotencyRow{.tenant = std::string(tenant),
                                             .method = std::string(method),
                                             .request_id = std::string(request_id),
                                             .payload_hash = std::string(row.Text(0)),
                                             .reply = std::string(row.Text(1)),
                                             .expires = FromMicros(row.Int(2))};
                     });
}

absl::Status PutIdempotency(Connection& connection, const IdempotencyRow& row) {
  absl::StatusOr<int64_t> rows = connection.Execute(
      R"(INSERT INTO idempotency (tenant, method, request_id, expires, payload_hash, reply)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (tenant, method, request_id) DO UPDATE SET expires = excluded.expires,
           payload_hash = excluded.payload_hash, reply = excluded.reply
         WHERE idempotency.expires <= {now})",
      {row.tenant, row.method, row.request_id, ToMicros(row.expires), Bytes{row.payload_hash}, Bytes{row.reply}});
  if (!rows.ok()) return rows.status();
  if (*rows == 0) return absl::AbortedError("another call with the same request id was answered meanwhile: try again");
  return absl::OkStatus();
}

}  // namespace stratus::provisioning::store
