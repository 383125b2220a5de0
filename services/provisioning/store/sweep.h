// Drops what is past its time.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/provisioning/store/database.h"

namespace stratus::provisioning::store {

// Inside a transaction. At most some thousands of rows; how many went.
absl::StatusOr<int64_t> Sweep(Connection& connection, absl::Time now, absl::Time events_before);

}  // namespace stratus::provisioning::store
