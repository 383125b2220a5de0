// Credentials of tenants and stacks, and for a while their former versions.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/provisioning/store/database.h"
#include "services/provisioning/store/rows.h"

namespace stratus::provisioning::store {

// What Store and Transaction say of them (store.h).
absl::StatusOr<std::vector<CredentialRow>> ReadCredentials(Connection& connection, std::string_view tenant,
                                                           std::string_view stack_id);
absl::StatusOr<CredentialRow> ReadCredentialByUid(Connection& connection, std::string_view uid);
absl::StatusOr<int> CountCredentials(Connection& connection, std::string_view tenant);
absl::Status PutCredential(Connection& connection, const CredentialRow& row, absl::Time former_until);
absl::Status DeleteCredential(Connection& connection, std::string_view tenant, std::string_view stack_id,
                              std::string_view provider);
// All of a stack that goes.
absl::Status DeleteStackCredentials(Connection& connection, std::string_view tenant, std::string_view stack_id);
// Former versions past their time, at most `limit`; how many went.
absl::StatusOr<int64_t> SweepCredentials(Connection& connection, absl::Time now, int64_t limit);

}  // namespace stratus::provisioning::store
