// `--ready-file=PATH`: how a starter learns that a program is ready, and on which ports.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"

namespace stratus::core {

// Writes {"gateway": "127.0.0.1:40123", ...} to `path`, whole or not at all (a temporary file is renamed over it).
absl::Status WriteReadyFile(const std::string& path, const std::map<std::string, std::string>& addresses);

}  // namespace stratus::core
