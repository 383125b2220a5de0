// Small files of the data folder that only this user may read: secrets, ids, remembered ports.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace stratus::provisioning::service {

// The folder with its parents, mode 0700.
absl::Status EnsurePrivateFolder(const std::string& path);

// The file's contents; where there is none, `make`'s are written first (0600). Processes that do this at once all get
// the same contents.
absl::StatusOr<std::string> ReadOrCreatePrivateFile(const std::string& path, const std::function<std::string()>& make);

// Whole or not at all: a temporary file is renamed over `path`.
absl::Status WritePrivateFile(const std::string& path, std::string_view contents);

// NOT_FOUND: there is none.
absl::StatusOr<std::string> ReadPrivateFile(const std::string& path);

}  // namespace stratus::provisioning::service
