// How many files and sockets the process may have open.
#pragma once

#include <cstdint>

namespace stratus::core {

// Raises the soft limit (RLIMIT_NOFILE), which shells set low for the sake of select(2), to the hard one. While
// starting.
void RaiseDescriptorLimit();

// The soft limit.
uint64_t DescriptorLimit();

}  // namespace stratus::core
