// Rows of before there were approval policies and principals of kinds, brought into the form of today.
#pragma once

#include "absl/status/status.h"
#include "services/provisioning/store/database.h"

namespace stratus::provisioning::store {

// `auto_approve` of stacks and runs (fields 8 and 4, which are no more) becomes AUTO or MANUAL. Bare texts become
// principals: `system`, else `legacy/TEXT`, because nobody can tell a user from a client any more.
absl::Status RewriteApprovals(Connection& connection);

}  // namespace stratus::provisioning::store
