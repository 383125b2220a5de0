// Which system calls a run may make: all but those by which it could see or steer what is not its own, or reach parts
// of the kernel that have been its weakest and that no engine needs.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace stratus::provisioning::engine {

// A classic BPF program for this machine's architecture, as SECCOMP_SET_MODE_FILTER takes it. Refused calls return
// EPERM, clone3 ENOSYS (its flags cannot be looked at, and libraries then use clone); calls of a foreign architecture
// end the process.
absl::StatusOr<std::string> SyscallFilter();

}  // namespace stratus::provisioning::engine
