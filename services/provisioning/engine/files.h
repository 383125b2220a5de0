// Files of work folders: whole reads with a limit, private writes, copies.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/provisioning/engine/unique_fd.h"

namespace stratus::provisioning::engine {

// NOT_FOUND; RESOURCE_EXHAUSTED past `bytes_max`.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t bytes_max);

// Makes or replaces the file, mode 0600. UNAVAILABLE on a full disk.
absl::Status WriteFile(const std::string& path, std::string_view text);

// The same, mode 0644: for what others than this process's user are to read.
absl::Status WriteSharedFile(const std::string& path, std::string_view text);

// Makes the folder with its parents, mode 0700.
absl::Status MakeFolder(const std::string& path);

// Copies what a module is made of, folders too, but nothing whose name begins with a dot except .terraform.lock.hcl.
// Symbolic links are refused: a module must not reach out of its folder.
absl::Status CopyModule(const std::string& from, const std::string& to);

// Also one that a run has written to (RemoveLeft). OK when it is not there.
absl::Status RemoveFolder(const std::string& path);

// An exclusive flock on `path` (made when it is not there), held until the descriptor and its copies are closed.
// DEADLINE_EXCEEDED when others hold it past `timeout`.
absl::StatusOr<UniqueFd> LockFile(const std::string& path, absl::Duration timeout);

// UNAVAILABLE when the disk that `folder` is on has fewer bytes left.
absl::Status CheckFreeSpace(const std::string& folder, int64_t bytes_min);

// The status of errno: NOT_FOUND, PERMISSION_DENIED, INTERNAL, ...; UNAVAILABLE where the machine has no more of
// something, which may pass: room on the disk, descriptors.
absl::Status ErrnoStatus(std::string_view what);

}  // namespace stratus::provisioning::engine
