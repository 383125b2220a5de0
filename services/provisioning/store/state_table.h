// State versions of stacks, and the answers that request ids got.
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/provisioning/store/database.h"
#include "services/provisioning/store/rows.h"
#include "services/provisioning/store/store.h"

namespace stratus::provisioning::store {

absl::Status InsertStateVersion(Connection& connection, std::string_view stack_uid, const StateVersionRow& version);
absl::StatusOr<StateVersionRow> ReadStateVersion(Connection& connection, std::string_view stack_uid, int64_t serial);

absl::StatusOr<std::optional<IdempotencyRow>> ReadIdempotency(Connection& connection, std::string_view tenant,
                                                              std::string_view method, std::string_view request_id);
absl::Status PutIdempotency(Connection& connection, const IdempotencyRow& row);

}  // namespace stratus::provisioning::store
