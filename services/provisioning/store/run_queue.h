// Which run is next, and who may run it: claims, leases, what a tenant uses.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/provisioning/store/database.h"
#include "services/provisioning/store/rows.h"
#include "services/provisioning/store/store.h"

namespace stratus::provisioning::store {

// To whom leases are granted.
struct Claimant {
  std::string replica;
  std::string session;  // differs with each start of the replica
};

// Inside a transaction each; the contracts are the Store's.
absl::StatusOr<std::optional<RunRow>> ClaimRun(Connection& connection, const Claimant& claimant,
                                               const RunLimits& limits, absl::Duration ttl);
absl::StatusOr<std::vector<std::string>> RenewLeases(Connection& connection, const Claimant& claimant,
                                                     const std::vector<std::string>& run_uids, absl::Duration ttl);
absl::StatusOr<std::vector<RunRow>> TakeOver(Connection& connection, const Claimant& claimant, bool own,
                                             absl::Duration ttl, int limit);

absl::StatusOr<TenantUse> ReadUse(Connection& connection, std::string_view tenant);
absl::StatusOr<int> ReadQueuePosition(Connection& connection, std::string_view run_uid);
absl::StatusOr<std::map<v1::RunStatus, int64_t>> ReadOpenRunCounts(Connection& connection);

}  // namespace stratus::provisioning::store
