// Lists: filtered, ordered, a page at a time by key (a page costs the same wherever it is).
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/provisioning/store/database.h"
#include "services/provisioning/store/store.h"

namespace stratus::provisioning::store {

inline constexpr int kPageRowsMax = 1000;

absl::StatusOr<Listed<StackRow>> ListStacks(Connection& connection, const StackQuery& query);
// Newest first.
absl::StatusOr<Listed<RunRow>> ListRuns(Connection& connection, const RunQuery& query);
// Newest first, without `sealed`.
absl::StatusOr<Listed<StateVersionRow>> ListStateVersions(Connection& connection, std::string_view stack_uid,
                                                          const Page& page);
absl::StatusOr<std::vector<StackRow>> ListDueStacks(Connection& connection, absl::Time now, int limit);

}  // namespace stratus::provisioning::store
