// Files of a folder that a run may write to, or has written to: whatever is there may be a link to elsewhere, a FIFO
// that keeps its reader waiting, a folder where a file should be, or huge. Everything here is relative to the folder's
// descriptor, follows no link, never blocks, and leaves what lies on another mount alone. The folder itself lies in one
// that the run cannot write to.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/provisioning/engine/unique_fd.h"

namespace stratus::provisioning::engine {

// NOT_FOUND; FAILED_PRECONDITION when the last part of `path` is no folder, or a link to one.
absl::StatusOr<UniqueFd> OpenFolder(const std::string& path);

// All of FOLDER/NAME. NOT_FOUND; FAILED_PRECONDITION for what is no regular file; RESOURCE_EXHAUSTED past `bytes_max`.
absl::StatusOr<std::string> ReadLeft(const UniqueFd& folder, const std::string& name, size_t bytes_max);

// Puts a file of mode 0600 in place of whatever FOLDER/NAME is. It is `uid`'s, unless that is 0.
absl::Status PutFile(const UniqueFd& folder, const std::string& name, std::string_view text, uid_t uid);

// Renames within the folder. OK when there is nothing to rename; what is at `to` goes.
absl::Status MoveLeft(const UniqueFd& folder, const std::string& from, const std::string& to);

// Removes whatever FOLDER/NAME is, however deep: a folder is emptied level by level, with two descriptors in all. OK
// when it is not there.
absl::Status RemoveLeft(const UniqueFd& folder, const std::string& name);

// Makes `uid` and its group own `path` and all that is in it; links themselves, not what they lead to.
absl::Status GiveTree(const std::string& path, uid_t uid);

// Lets everybody who can get to `path` read all that is in it, and run what its owner may run.
absl::Status ShareTree(const std::string& path);

}  // namespace stratus::provisioning::engine
