#include "services/provisioning/engine/shim/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace stratus::shim {
namespace {

constexpr int kAbiMin = 6;

// Newer than the headers of the systems that this is built on.
struct RulesetAttr {
  uint64_t handled_access_fs;
  uint64_t handled_access_net;
  uint64_t scoped;
};
constexpr uint64_t kTruncate = uint64_t{1} << 14;
constexpr uint64_t kIoctlDev = uint64_t{1} << 15;
constexpr uint64_t kScopeAbstractSockets = 1;
constexpr uint64_t kScopeSignals = 2;

constexpr uint64_t kRead = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr uint64_t kAll = (kIoctlDev << 1) - 1;
// What makes sense for a file that is no folder.
constexpr uint64_t kOfFiles =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate | kIoctlDev;

bool Allow(int ruleset, const char* path, uint64_t access) {
  const int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT;
  struct stat info;
  landlock_path_beneath_attr rule = {};
  rule.parent_fd = fd;
  rule.allowed_access = fstat(fd, &info) == 0 && S_ISDIR(info.st_mode) ? access : access & kOfFiles;
  const bool done = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
  close(fd);
  return done;
}

}  // namespace

bool RestrictTo(const char* folder, const char* const* readable, int count) {
  const long abi = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < kAbiMin) {
    if (abi >= 0) errno = ENOSYS;
    return false;
  }
  const RulesetAttr attributes = {
      .handled_access_fs = kAll, .handled_access_net = 0, .scoped = kScopeAbstractSockets | kScopeSignals};
  const auto ruleset = static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0));
  if (ruleset < 0) return false;
  bool done = Allow(ruleset, folder, kAll & ~kIoctlDev) &&
              Allow(ruleset, "/dev", kRead | LANDLOCK_ACCESS_FS_WRITE_FILE | kIoctlDev);
  for (int i = 0; i < count; ++i) done = done && Allow(ruleset, readable[i], kRead);
  done = done && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  close(ruleset);
  return done;
}

}  // namespace stratus::shim
