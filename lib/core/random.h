// Random bytes from the operating system.
#pragma once

#include <cstddef>
#include <string>

namespace stratus::core {

// `bytes` bytes from the system's CSPRNG as lower-case hex. Ends the program when the system has none to give.
std::string RandomHex(size_t bytes);

// Uniform in [0, 1), for jitter; not for secrets.
double RandomFraction();

}  // namespace stratus::core
