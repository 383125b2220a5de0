// Starts a program without forking this process' memory.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace stratus::provisioning::engine {

struct SpawnCall {
  std::vector<std::string> arguments;    // the program's absolute path first
  std::vector<std::string> environment;  // NAME=value; nothing is inherited
  std::string folder = "/";
  std::vector<std::pair<int, int>> descriptors = {};  // ours, and the number it gets; the rest of 0..2 is /dev/null
};

// The new process leads a process group of its own and has no signal blocked or ignored. The caller waits for it.
absl::StatusOr<pid_t> Spawn(const SpawnCall& call);

}  // namespace stratus::provisioning::engine
