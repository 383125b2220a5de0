#include "gateway/memory_limit.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace stratus::gateway {
namespace {

constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();
// Of the address space, beside the budget: what threads, heaps and libraries still reserve after the start.
constexpr uint64_t kReservedLater = 256ull << 20;
constexpr uint64_t kBudgetMin = 64ull << 20;

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// `max` of cgroup v2 is no number. v1 says "no limit" by a very large one.
uint64_t NumberIn(const std::string& path) {
  uint64_t number;
  return absl::SimpleAtoi(FirstLine(path), &number) ? number : kNone;
}

// The least along the way from `group` up to `mount`, where the file `name` stands in each folder. A container sees its
// own group as the mount itself, whatever its path is outside.
uint64_t LeastUpwards(const std::string& mount, std::string group, const char* name) {
  uint64_t least = kNone;
  while (!group.empty() && group != "/") {
    least = std::min(least, NumberIn(absl::StrCat(mount, group, "/", name)));
    group.resize(group.rfind('/'));
  }
  return std::min(least, NumberIn(absl::StrCat(mount, "/", name)));
}

uint64_t CgroupLimit(const std::string& root) {
  uint64_t least = kNone;
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    // NUMBER:CONTROLLERS:PATH; v2 has no controllers.
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3 || parts[2].empty() || parts[2].front() != '/') continue;
    if (parts[1].empty()) {
      for (const char* mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
        least = std::min(least, LeastUpwards(root + mount, parts[2], "memory.max"));
      }
    }
    const std::vector<std::string> controllers = absl::StrSplit(parts[1], ',');
    if (std::find(controllers.begin(), controllers.end(), "memory") != controllers.end()) {
      least = std::min(least, LeastUpwards(root + "/sys/fs/cgroup/memory", parts[2], "memory.limit_in_bytes"));
    }
  }
  return least;
}

uint64_t AddressSpaceLimit() {
  rlimit limit;
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kNone;
  return limit.rlim_cur;
}

uint64_t PageBytes() { return static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)); }

// Of this process, reserved now.
uint64_t AddressSpaceUsed() {
  std::ifstream file("/proc/self/statm");
  uint64_t pages = 0;
  file >> pages;
  return pages * PageBytes();
}

}  // namespace

uint64_t MemoryLimit(const std::string& root) {
  const uint64_t machine = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * PageBytes();
  return std::min({machine, CgroupLimit(root), AddressSpaceLimit()});
}

uint64_t DefaultMemoryBudget() {
  uint64_t budget = MemoryLimit() / 2;
  if (const uint64_t limit = AddressSpaceLimit(); limit != kNone) {
    const uint64_t taken = AddressSpaceUsed() + kReservedLater;
    budget = std::min(budget, limit > taken ? limit - taken : 0);
  }
  return std::max(budget, kBudgetMin);
}

}  // namespace stratus::gateway
