// SHA-256 in hex.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stratus::provisioning::engine {

std::string Sha256Hex(std::string_view text);

// Over the names and contents of a module's files (those that CopyModule copies).
absl::StatusOr<std::string> ModuleDigest(const std::string& folder);

}  // namespace stratus::provisioning::engine
