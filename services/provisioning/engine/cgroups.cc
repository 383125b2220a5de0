#include "services/provisioning/engine/cgroups.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/core/random.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/files.h"

namespace stratus::provisioning::engine {
namespace {

constexpr const char* kRoot = "/sys/fs/cgroup";
constexpr size_t kFileBytesMax = size_t{1} << 20;

// A cgroup's files are there already and are never made.
absl::Status Set(const std::string& path, absl::string_view value) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd || write(fd.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size())) {
    return ErrnoStatus(path);
  }
  return absl::OkStatus();
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

bool HasWord(const std::string& path, const std::string& word) {
  const std::string text = ReadFile(path, kFileBytesMax).value_or("");
  const std::vector<std::string> words = absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Whether one can be made below it that has what it should: the files say so.
absl::Status TryBelow(CgroupParent* parent) {
  const std::string trial = absl::StrCat(parent->path, "/stratus-try-", core::RandomHex(8));
  if (mkdir(trial.c_str(), 0755) != 0) return ErrnoStatus(parent->path);
  parent->memory = Exists(trial + (parent->unified ? "/memory.max" : "/memory.limit_in_bytes"));
  parent->processes = Exists(trial + "/pids.max");
  const bool can_join = access((trial + "/cgroup.procs").c_str(), W_OK) == 0;
  rmdir(trial.c_str());
  if (can_join && (parent->memory || parent->processes)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(parent->path, " bounds neither memory nor processes"));
}

absl::StatusOr<CgroupParent> Unified(const std::string& path) {
  CgroupParent parent = {.path = path, .unified = true};
  for (const std::string controller : {"memory", "pids"}) {
    if (!HasWord(path + "/cgroup.subtree_control", controller)) {
      Set(path + "/cgroup.subtree_control", "+" + controller).IgnoreError();  // TryBelow sees what came of it
    }
  }
  if (absl::Status status = TryBelow(&parent); !status.ok()) return status;
  return parent;
}

// A service manager marks what it has given away; what it has not, is its own to change.
bool IsDelegated(const std::string& path) {
  for (const char* name : {"user.delegate", "trusted.delegate"}) {
    char value = 0;
    if (getxattr(path.c_str(), name, &value, 1) == 1 && value == '1') return true;
  }
  return false;
}

// `4:memory:/own` of version 1, `0::/own` of version 2. The parent of our own is what a service manager delegates
// together with it, when it has put us into a subgroup (systemd: DelegateSubgroup).
std::vector<CgroupParent> OwnCgroups() {
  std::vector<CgroupParent> parents;
  const std::string text = ReadFile("/proc/self/cgroup", kFileBytesMax).value_or("");
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3 || absl::StrContains(fields[2], "..")) continue;
    if (fields[1] == "memory" || fields[1] == "pids") {
      CgroupParent parent = {.path = absl::StrCat(kRoot, "/", fields[1], fields[2])};
      if (TryBelow(&parent).ok()) parents.push_back(std::move(parent));
    } else if (fields[0] == "0" && Exists(absl::StrCat(kRoot, "/cgroup.controllers"))) {
      const std::string own = absl::StrCat(kRoot, fields[2]);
      const std::string above = own.substr(0, own.rfind('/'));
      auto parent = Unified(IsDelegated(above) ? above : own);
      if (parent.ok()) parents.push_back(*std::move(parent));
    }
  }
  return parents;
}

// Of a file of lines `NAME NUMBER`.
int64_t Counted(const std::string& path, std::string_view name) {
  const std::string text = ReadFile(path, kFileBytesMax).value_or("");
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<std::string> fields = absl::StrSplit(line, ' ');
    int64_t number = 0;
    if (fields.size() == 2 && fields[0] == name && absl::SimpleAtoi(fields[1], &number)) return number;
  }
  return 0;
}

absl::Status SetLimits(const CgroupParent& parent, const std::string& path, const CgroupLimits& limits) {
  if (parent.memory && limits.memory_bytes > 0) {
    const char* file = parent.unified ? "/memory.max" : "/memory.limit_in_bytes";
    if (absl::Status status = Set(path + file, absl::StrCat(limits.memory_bytes)); !status.ok()) return status;
    if (parent.unified) Set(path + "/memory.swap.max", "0").IgnoreError();  // not there without swap accounting
  }
  if (!parent.processes || limits.processes <= 0) return absl::OkStatus();
  return Set(path + "/pids.max", absl::StrCat(limits.processes));
}

}  // namespace

absl::StatusOr<std::vector<CgroupParent>> FindCgroups(std::string_view where) {
  if (where == "off") return std::vector<CgroupParent>();
  if (where == "auto") return OwnCgroups();
  auto parent = Unified(std::string(where));
  if (parent.ok()) return std::vector<CgroupParent>{*std::move(parent)};
  return absl::FailedPreconditionError(absl::StrCat("--isolation-cgroup: ", parent.status().message()));
}

absl::StatusOr<std::vector<std::string>> MakeCgroups(const std::vector<CgroupParent>& parents, const std::string& name,
                                                     const CgroupLimits& limits) {
  std::vector<std::string> made;
  for (const CgroupParent& parent : parents) {
    const std::string path = absl::StrCat(parent.path, "/", name);
    absl::Status status = mkdir(path.c_str(), 0755) == 0 || errno == EEXIST ? absl::OkStatus() : ErrnoStatus(path);
    if (status.ok()) made.push_back(path);
    if (status.ok()) status = SetLimits(parent, path, limits);
    if (status.ok()) continue;
    RemoveCgroups(made);
    return status;
  }
  return made;
}

bool RanOutOfMemory(const std::vector<std::string>& cgroups) {
  return std::any_of(cgroups.begin(), cgroups.end(), [](const std::string& path) {
    return Counted(path + "/memory.events", "oom_kill") + Counted(path + "/memory.oom_control", "oom_kill") > 0;
  });
}

void RemoveCgroups(const std::vector<std::string>& cgroups) {
  for (const std::string& path : cgroups) rmdir(path.c_str());
}

}  // namespace stratus::provisioning::engine
