// A file that lines are only ever added to.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "lib/core/mutex.h"

namespace stratus::provisioning::service {

// Thread-safe. Each line is one write to the end of the file, mode 0600, and is on the disk (fdatasync) when Append
// returns; one that does not fit leaves nothing behind. The file is opened anew for each: it may be renamed at any
// time, and the next line makes a new one.
class AuditFile {
 public:
  // UNAVAILABLE when it cannot be opened; a symbolic link is not followed.
  static absl::StatusOr<std::unique_ptr<AuditFile>> Open(std::string path);

  // `line` without its end.
  absl::Status Append(std::string_view line);

 private:
  explicit AuditFile(std::string path) : path_(std::move(path)) {}
  const std::string path_;
  core::Mutex mutex_;  // from a line's beginning until it is whole, or gone
};

}  // namespace stratus::provisioning::service
