// The runs and what belongs to each: events, ledger, blobs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/provisioning/store/database.h"
#include "services/provisioning/store/rows.h"

namespace stratus::provisioning::store {

// NOT_FOUND: there is none.
absl::StatusOr<RunRow> ReadRun(Connection& connection, std::string_view uid);
// The same, or its tombstone.
absl::StatusOr<RunRow> ReadRunOrTombstone(Connection& connection, std::string_view uid);
// Locks the run and, before it, its stack: whoever locks both does it in that order, so that nobody deadlocks.
absl::StatusOr<RunRow> ReadRunForUpdate(Connection& connection, std::string_view uid);
absl::StatusOr<std::vector<RunRow>> ReadOpenRunsForUpdate(Connection& connection, std::string_view stack_uid);

absl::Status InsertRun(Connection& connection, const RunRow& run);
absl::Status UpdateRun(Connection& connection, RunRow* run);

absl::Status AppendEvents(Connection& connection, RunRow* run, std::vector<v1::RunEvent> events);
absl::StatusOr<std::vector<EventRow>> ReadEvents(Connection& connection, std::string_view run_uid, int64_t after,
                                                 int limit);

absl::Status PutLedger(Connection& connection, std::string_view run_uid, const LedgerRow& row);
absl::StatusOr<std::vector<LedgerRow>> ReadLedger(Connection& connection, std::string_view run_uid);

absl::Status PutBlob(Connection& connection, std::string_view run_uid, std::string_view name, std::string_view sealed);
absl::StatusOr<std::string> ReadBlob(Connection& connection, std::string_view run_uid, std::string_view name);

}  // namespace stratus::provisioning::store
