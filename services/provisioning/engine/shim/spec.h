// What a step is, as the service wrote it for the shim. Both files are sequences of `key=value`, each ended by a NUL
// byte, because the shim has only libc and values may hold anything else.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stratus::shim {

inline constexpr size_t kArgumentsMax = 256;
inline constexpr size_t kEnvironmentMax = 1024;
inline constexpr size_t kFileBytesMax = size_t{4} << 20;

// A whole file in memory, for the life of the process.
struct Bytes {
  char* data = nullptr;
  size_t size = 0;
};

// Keys: cwd, wall_ms, grace_ms, memory_bytes, file_bytes, open_files, processes, and arg once an argument, the program
// first. Unknown keys are for others.
struct Spec {
  const char* cwd = nullptr;
  int64_t wall_ms = 0;
  int64_t grace_ms = 0;
  int64_t memory_bytes = 0;  // 0: no limit; so for the other three
  int64_t file_bytes = 0;
  int64_t open_files = 0;
  int64_t processes = 0;
  const char* arguments[kArgumentsMax + 1] = {};  // ends with nullptr
};

// Reads a file of the folder `dir`; false when it cannot be, is too large, or does not end with a NUL byte.
bool ReadFile(int dir, const char* name, Bytes* bytes);

// The strings point into `bytes`.
bool ParseSpec(const Bytes& bytes, Spec* spec);
// `environment` holds kEnvironmentMax + 1 pointers into `bytes`, nullptr last.
bool ParseEnvironment(const Bytes& bytes, const char** environment);

}  // namespace stratus::shim
