// `sqlite:PATH` and `postgresql://...`, opened.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/provisioning/store/database.h"

namespace stratus::provisioning::store {

// INVALID_ARGUMENT: neither. No error holds the URL's password.
absl::StatusOr<std::unique_ptr<Database>> OpenDatabase(const std::string& url, int connections,
                                                       absl::Duration busy_timeout);

}  // namespace stratus::provisioning::store
