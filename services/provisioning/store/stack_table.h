// The stacks and their labels.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "services/provisioning/store/database.h"
#include "services/provisioning/store/rows.h"

namespace stratus::provisioning::store {

enum class Lock { kNo, kForUpdate };

// NOT_FOUND: there is none.
absl::StatusOr<StackRow> ReadStack(Connection& connection, std::string_view tenant, std::string_view id, Lock lock);
absl::StatusOr<StackRow> ReadStackByUid(Connection& connection, std::string_view uid, Lock lock);

absl::Status InsertStack(Connection& connection, const StackRow& stack);
absl::Status UpdateStack(Connection& connection, StackRow* stack);
absl::Status DeleteStack(Connection& connection, std::string_view uid);

}  // namespace stratus::provisioning::store
