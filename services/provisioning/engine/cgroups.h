// Cgroups of steps, where this process may make them: a bound on the memory and the processes of a run as a whole that
// the kernel keeps, page by page. Where there are none, the shim looks now and then (shim/usage.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace stratus::provisioning::engine {

struct CgroupParent {
  std::string path;
  bool memory = false;  // what it can bound
  bool processes = false;
  bool unified = false;  // version 2
};

// Where steps get theirs. `where` is auto (below this process's own), off, or a folder of a cgroup file system, of
// version 2, that has been delegated to us. Empty when there is none; FAILED_PRECONDITION for a folder that cannot be
// used.
absl::StatusOr<std::vector<CgroupParent>> FindCgroups(std::string_view where);

struct CgroupLimits {
  int64_t memory_bytes = 0;
  int64_t processes = 0;
};

// Makes `name` below each of the parents, and returns the folders to join.
absl::StatusOr<std::vector<std::string>> MakeCgroups(const std::vector<CgroupParent>& parents, const std::string& name,
                                                     const CgroupLimits& limits);

// Whether the kernel killed something in one of them for want of memory.
bool RanOutOfMemory(const std::vector<std::string>& cgroups);

// Removes those that are empty of processes; others stay.
void RemoveCgroups(const std::vector<std::string>& cgroups);

}  // namespace stratus::provisioning::engine
