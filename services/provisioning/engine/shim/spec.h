// What a step is, as the service wrote it for the shim. Both files are sequences of `key=value`, each ended by a NUL
// byte, because the shim has only libc and values may hold anything else.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stratus::shim {

inline constexpr size_t kArgumentsMax = 2048;
inline constexpr size_t kCgroupsMax = 4;
inline constexpr size_t kCompanionMax = 8;
inline constexpr size_t kDoorsMax = 8;
inline constexpr size_t kEnvironmentMax = 1024;
inline constexpr size_t kFileBytesMax = size_t{4} << 20;

// A whole file in memory, for the life of the process.
struct Bytes {
  char* data = nullptr;
  size_t size = 0;
};

// Keys: the names of the numbers, work, spared, doors_folder, door once a door, companion once a word of its command,
// cgroup once a cgroup, and arg once an argument, the program first. Unknown keys are for others.
struct Spec {
  const char* work = nullptr;  // the work folder
  int64_t wall_ms = 0;
  int64_t grace_ms = 0;
  int64_t memory_bytes = 0;  // 0: no limit; so for the others below
  int64_t file_bytes = 0;
  int64_t open_files = 0;
  int64_t processes = 0;
  int64_t disk_bytes = 0;
  int64_t files_max = 0;
  int64_t output_bytes = 0;
  const char* spared = nullptr;               // a program of ours in the sandbox, which no limit ends; may be nullptr
  const char* doors_folder = nullptr;         // of the doors below
  const char* cgroups[kCgroupsMax + 1] = {};  // folders to join; ends with nullptr, as those below
  const char* companion[kCompanionMax + 1] = {};  // a command; none without its first word
  const char* doors[kDoorsMax + 1] = {};          // names of sockets
  const char* arguments[kArgumentsMax + 1] = {};
};

// The value when `entry` is `key=value`, else nullptr.
const char* ValueOf(const char* entry, const char* key);
// Whether it is, and then sets the number.
bool SetNumber(const char* entry, const char* key, int64_t* number);

// Reads a file of the folder `dir`; false when it cannot be, is too large, or does not end with a NUL byte.
bool ReadFile(int dir, const char* name, Bytes* bytes);

// The strings point into `bytes`.
bool ParseSpec(const Bytes& bytes, Spec* spec);
// `environment` holds kEnvironmentMax + 1 pointers into `bytes`, nullptr last.
bool ParseEnvironment(const Bytes& bytes, const char** environment);

}  // namespace stratus::shim
