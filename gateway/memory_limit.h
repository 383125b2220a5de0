// How much memory the system lets this process have.
#pragma once

#include <cstdint>
#include <string>

namespace stratus::gateway {

// The least of the memory limits of the process's cgroup and of those above it (v1 and v2), of RLIMIT_AS and of the
// machine's memory. `root`: where /proc and /sys are, for tests.
uint64_t MemoryLimit(const std::string& root = "");

// What MemoryBudget is where nothing is configured: half of that. Of RLIMIT_AS, which counts what is only reserved
// (code, stacks, heaps), no more than that leaves.
uint64_t DefaultMemoryBudget();

}  // namespace stratus::gateway
