// The uids that runs get, one each, when the service is started by root.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stratus::provisioning::engine {

struct UidRange {
  uid_t first = 0;
  uid_t last = 0;  // which prepares modules; runs get those before it
};

// `FIRST-LAST`. INVALID_ARGUMENT: it is none, has 0 in it, or fewer than 16.
absl::StatusOr<UidRange> ParseUidRange(std::string_view text);

// Where accounts and ranges of others are listed.
struct UidSources {
  std::string passwd = "/etc/passwd";
  std::string group = "/etc/group";
  std::string subuid = "/etc/subuid";
  std::string subgid = "/etc/subgid";
  std::string uid_map = "/proc/self/uid_map";
};

// FAILED_PRECONDITION names an account, a group or a subordinate range that the range overlaps, or says that this user
// namespace does not have all of it. The numbers are taken for groups too.
absl::Status CheckUidRange(const UidRange& range, const UidSources& sources);

// The run's uid: the one that `control_folder`/uid says, else one that no other run below `all_runs` has, written
// there. RESOURCE_EXHAUSTED: all are taken. One caller at a time a folder: the caller holds the lock of all_runs.
absl::StatusOr<uid_t> UidOfRun(const UidRange& range, const std::string& all_runs, const std::string& control_folder);

}  // namespace stratus::provisioning::engine
