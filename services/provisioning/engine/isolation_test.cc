#include "services/provisioning/engine/isolation.h"

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <csignal>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/files.h"
#include "services/provisioning/engine/left_files.h"
#include "services/provisioning/engine/process.h"
#include "services/provisioning/engine/sandbox.h"
#include "services/provisioning/engine/testing/engine_fixture.h"

namespace stratus::provisioning::engine {
namespace {

using testing::HasSubstr;

// A work folder beside a file that is none of its business.
class IsolationTest : public testing::Test {
 protected:
  IsolationTest() : root_(testing::TempDir() + "isolation-XXXXXX") {
    EXPECT_NE(mkdtemp(root_.data()), nullptr);
    EXPECT_TRUE(MakeFolder(root_ + "/sandbox").ok());
    EXPECT_TRUE(MakeFolder(root_ + "/work").ok());
    EXPECT_TRUE(WriteFile(root_ + "/keys", "the keys").ok());
  }
  ~IsolationTest() override { EXPECT_TRUE(RemoveFolder(root_).ok()); }

  absl::StatusOr<Isolation> Find(IsolationOptions options) const {
    return FindIsolation(options, ShimPath(), root_ + "/sandbox");
  }

  // What a shell in the sandbox says, or its exit code where it says nothing.
  std::string Say(const Isolation& isolation, const std::string& script) const {
    SandboxSpec spec = {.work_folder = root_ + "/work"};
    if (isolation.uids) {
      spec.uid = isolation.uids->first;
      EXPECT_TRUE(GiveTree(spec.work_folder, spec.uid).ok());
    }
    const auto ended = RunProgram({.arguments = SandboxCommand(isolation, spec, {"/bin/sh", "-c", script}),
                                   .environment = {"PATH=/usr/bin:/bin"}});
    EXPECT_TRUE(ended.ok()) << ended.status();
    return ended->out.empty() ? absl::StrCat("exit ", ended->code, " ", ended->err) : ended->out;
  }

  // What every tier but `off` withholds.
  void ExpectWithheld(const Isolation& isolation) const {
    EXPECT_EQ(Say(isolation, "cat " + root_ + "/keys 2>&1 | grep -c the.keys"), "0\n");
    EXPECT_THAT(Say(isolation, absl::StrCat("kill -0 ", getpid(), " || echo refused")), HasSubstr("refused"));
    EXPECT_THAT(Say(isolation, absl::StrCat("cat /proc/", getpid(), "/environ || echo refused")), HasSubstr("refused"));
    EXPECT_THAT(Say(isolation, "grep -E 'NoNewPrivs|CapEff' /proc/self/status"),
                testing::AllOf(HasSubstr("NoNewPrivs:\t1"), HasSubstr("CapEff:\t0000000000000000")));
    EXPECT_THAT(Say(isolation, "unshare -U true || echo refused"), HasSubstr("refused"));
    EXPECT_THAT(Say(isolation, OthersLimits() + " || echo refused"), HasSubstr("refused"));
    EXPECT_THAT(Say(isolation, "renice -n 19 -p 1 || echo refused"), HasSubstr("refused"));
    EXPECT_EQ(Say(isolation, "ls /etc/ssl/private 2>/dev/null; ls -d /etc/ssl/certs"), "/etc/ssl/certs\n");
    EXPECT_EQ(Say(isolation, "echo here > file; cat file"), "here\n");
  }

  // Sets a limit of this process.
  static std::string OthersLimits() { return absl::StrCat("prlimit --pid=", getpid(), " --core=0:0"); }

  // A program that is waited for, and does not end; the file `begun` in its work folder says that it has begun.
  ProgramCall Endless(const Isolation& isolation, absl::Duration timeout) const {
    SandboxSpec spec = {.work_folder = root_ + "/work", .own_network = true, .dies_with_parent = true};
    if (isolation.uids) {
      spec.uid = isolation.uids->last;
      EXPECT_TRUE(GiveTree(spec.work_folder, spec.uid).ok());
    }
    const std::vector<std::string> command = {"/bin/sh", "-c", ": > begun; sleep 600 & wait"};
    return {.arguments = SandboxCommand(isolation, spec, command),
            .environment = {"PATH=/usr/bin:/bin", RunMarker(spec.work_folder)},
            .folder = spec.work_folder,
            .timeout = timeout};
  }

  // Whether nothing is left of it, soon.
  bool IsGone() const {
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    while (!FindRunProcesses(root_ + "/work", {}).empty()) {
      if (absl::Now() > deadline) {
        EXPECT_TRUE(KillRunProcesses(root_ + "/work", {}, absl::Seconds(10)).ok());
        return false;
      }
      std::this_thread::yield();
    }
    return true;
  }

  std::string root_;
};

constexpr Tier kTiers[] = {Tier::kStrict, Tier::kBasic, Tier::kOff};

TEST_F(IsolationTest, NothingIsLeftOfAProgramThatTookTooLong) {
  for (const Tier tier : kTiers) {
    const auto isolation = Find({.wanted = tier});
    if (!isolation.ok()) GTEST_SKIP() << isolation.status();
    const auto ended = RunProgram(Endless(*isolation, absl::Seconds(1)));
    EXPECT_EQ(ended.status().code(), absl::StatusCode::kDeadlineExceeded);
    EXPECT_TRUE(IsGone()) << TierName(tier);
  }
}

TEST_F(IsolationTest, NothingIsLeftOfAProgramWhoseWaiterIsKilled) {
  for (const Tier tier : kTiers) {
    const auto isolation = Find({.wanted = tier});
    if (!isolation.ok()) GTEST_SKIP() << isolation.status();
    const ProgramCall call = Endless(*isolation, absl::Minutes(5));
    const pid_t waiter = fork();
    if (waiter == 0) _exit(RunProgram(call).ok() ? 0 : 1);
    const std::string begun = root_ + "/work/begun";
    while (access(begun.c_str(), F_OK) != 0 && waitpid(waiter, nullptr, WNOHANG) == 0) std::this_thread::yield();
    EXPECT_EQ(access(begun.c_str(), F_OK), 0);
    kill(waiter, SIGKILL);
    waitpid(waiter, nullptr, 0);
    EXPECT_TRUE(IsGone()) << TierName(tier);
    unlink(begun.c_str());
  }
}

TEST_F(IsolationTest, LimitsAreTheProgramsOwn) {
  for (const Tier tier : kTiers) {
    const auto isolation = Find({.wanted = tier});
    if (!isolation.ok()) GTEST_SKIP() << isolation.status();
    const SandboxSpec spec = {.work_folder = root_ + "/work",
                              .uid = isolation->uids ? isolation->uids->last : 0,
                              .processes = 4321,
                              .memory_bytes = int64_t{64} << 20,
                              .file_bytes = 1 << 20,
                              .open_files = 123};
    ASSERT_TRUE(!isolation->uids || GiveTree(spec.work_folder, spec.uid).ok());
    const std::vector<std::string> command = {"/bin/bash", "-c", "ulimit -u; ulimit -d; ulimit -f; ulimit -n"};
    const auto ended = RunProgram({.arguments = SandboxCommand(*isolation, spec, command), .environment = {}});
    ASSERT_TRUE(ended.ok()) << ended.status();
    EXPECT_EQ(ended->out, "4321\n65536\n1024\n123\n") << TierName(tier) << ended->err;
  }
}

TEST_F(IsolationTest, OffKeepsNothingFromARun) {
  const auto isolation = Find({.wanted = Tier::kOff});
  ASSERT_TRUE(isolation.ok()) << isolation.status();
  EXPECT_EQ(Say(*isolation, "cat " + root_ + "/keys"), "the keys");
  EXPECT_EQ(Say(*isolation, OthersLimits() + " && echo done"), "done\n");
}

TEST_F(IsolationTest, StrictAndBasicWithholdTheSameButTheNetwork) {
  for (const Tier tier : {Tier::kStrict, Tier::kBasic}) {
    const auto isolation = Find({.wanted = tier});
    if (!isolation.ok()) GTEST_SKIP() << isolation.status();
    EXPECT_EQ(isolation->tier, tier);
    EXPECT_EQ(isolation->shortfall, "");
    ExpectWithheld(*isolation);
  }
}

TEST_F(IsolationTest, LandlockWithholdsItWhereThereAreNoNamespaces) {
  auto isolation = Find({.wanted = Tier::kBasic});
  if (!isolation.ok()) GTEST_SKIP() << isolation.status();
  isolation->bubblewrap.clear();
  isolation->uids.reset();
  isolation->user_namespace = false;
  isolation->landlock = true;
  if (const std::string said = Say(*isolation, "true"); said != "exit 0 ") GTEST_SKIP() << said;
  ExpectWithheld(*isolation);
}

TEST_F(IsolationTest, RefusesUidsThatAreNone) {
  if (geteuid() != 0) GTEST_SKIP() << "an ordinary user has no uids to give";
  EXPECT_EQ(Find({.wanted = Tier::kStrict, .uids = "1-2"}).status().code(), absl::StatusCode::kInvalidArgument);
  const absl::Status taken = Find({.wanted = Tier::kStrict, .uids = "65000-65999"}).status();
  EXPECT_THAT(core::ToStd(taken.message()), HasSubstr("nobody"));
  const auto less = Find({.wanted = Tier::kStrict, .may_fall_back = true, .uids = "65000-65999"});
  ASSERT_TRUE(less.ok());
  EXPECT_EQ(less->tier, Tier::kOff);
  EXPECT_THAT(less->shortfall, HasSubstr("nobody"));
}

TEST(TierOf, KnowsItsNames) {
  for (const Tier tier : {Tier::kOff, Tier::kBasic, Tier::kStrict}) EXPECT_EQ(TierOf(TierName(tier)).value(), tier);
  EXPECT_FALSE(TierOf("on").ok());
}

}  // namespace
}  // namespace stratus::provisioning::engine
