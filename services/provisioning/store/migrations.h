// The tables, as numbered steps. A step that was released never changes: what comes later is a new one.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "services/provisioning/store/database.h"

namespace stratus::provisioning::store {

struct Migration {
  int64_t version;
  std::vector<const char*> statements;
  absl::Status (*rewrite)(Connection&) = nullptr;  // after the statements: what SQL cannot say about rows
};

const std::vector<Migration>& Migrations();

// Applies what is missing, all of it or nothing, under a lock that replicas share. FAILED_PRECONDITION: the tables are
// of a newer version than this program knows.
absl::Status Migrate(Connection& connection, const std::vector<Migration>& migrations);

}  // namespace stratus::provisioning::store
