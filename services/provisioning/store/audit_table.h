// The audit log in the database: one chain a tenant. Rows are added, and never changed or dropped.
#pragma once

#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "services/provisioning/store/database.h"
#include "services/provisioning/store/store.h"

namespace stratus::provisioning::store {

// Numbers the event, chains it to the tenant's last one and adds it; returns its line. The tenant's head is locked
// until the transaction ends.
absl::StatusOr<std::string> AppendAudit(Connection& connection, std::string_view tenant, v1::AuditEvent event);

absl::StatusOr<Listed<v1::AuditEvent>> ListAuditEvents(Connection& connection, const AuditQuery& query);

// A chain as it is kept: its lines in order, each with what stands beside it, then the heads.
struct KeptAudit {
  std::string tenant;
  int64_t sequence = 0;
  std::string beside;  // of the row's other columns, as MakeBeside of the event would have it
  std::string line;
};
std::string MakeBeside(const v1::AuditEvent& event);
absl::Status EachAuditRow(Connection& connection, absl::FunctionRef<absl::Status(const KeptAudit&)> each);
absl::Status EachAuditHead(
    Connection& connection,
    absl::FunctionRef<absl::Status(std::string_view tenant, int64_t, std::string_view hash)> each);

}  // namespace stratus::provisioning::store
