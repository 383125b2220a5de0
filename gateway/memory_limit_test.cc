#include "gateway/memory_limit.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace stratus::gateway {
namespace {

class MemoryLimitTest : public ::testing::Test {
 protected:
  MemoryLimitTest() : root_(::testing::TempDir() + "/memory_limit." + std::to_string(::getpid())) {}
  ~MemoryLimitTest() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }

  const std::string root_;
};

TEST_F(MemoryLimitTest, IsTheMachinesWhereNothingElseIsSaid) {
  const uint64_t machine = MemoryLimit(root_);
  EXPECT_GT(machine, 64u << 20);
  Write("/proc/self/cgroup", "0::/a/b\n");
  Write("/sys/fs/cgroup/a/b/memory.max", "max\n");
  EXPECT_EQ(MemoryLimit(root_), machine);
}

TEST_F(MemoryLimitTest, IsTheLeastOfTheGroupsAbove) {
  Write("/proc/self/cgroup", "0::/a/b\n");
  Write("/sys/fs/cgroup/a/b/memory.max", "50000000\n");
  Write("/sys/fs/cgroup/a/memory.max", "40000000\n");
  Write("/sys/fs/cgroup/memory.max", "max\n");
  EXPECT_EQ(MemoryLimit(root_), 40'000'000u);
}

TEST_F(MemoryLimitTest, KnowsTheFirstVersionOfCgroups) {
  Write("/proc/self/cgroup", "8:pids:/x\n4:hugetlb,memory:/pod/c\n0::/\n");
  Write("/sys/fs/cgroup/memory/pod/c/memory.limit_in_bytes", "30000000\n");
  Write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(MemoryLimit(root_), 30'000'000u);
}

// In a container /proc names the group as the host has it, and /sys shows that group as the top.
TEST_F(MemoryLimitTest, FindsTheGroupOfAContainer) {
  Write("/proc/self/cgroup", "4:memory:/docker/0123\n");
  Write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "20000000\n");
  EXPECT_EQ(MemoryLimit(root_), 20'000'000u);
}

}  // namespace
}  // namespace stratus::gateway
