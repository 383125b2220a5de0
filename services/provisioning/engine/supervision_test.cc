// What is left of a step when something kills a part of it.
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/wait.h>

#include <csignal>

#include <atomic>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "services/provisioning/engine/files.h"
#include "services/provisioning/engine/process.h"
#include "services/provisioning/engine/testing/engine_fixture.h"

namespace stratus::provisioning::engine {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kSlow[] = R"({"items":{"a":{},"b":{}},"delay_seconds":600})";

// Each with the engine as the shim's own child, and in its sandbox.
class SupervisionTest : public EngineTest, public testing::WithParamInterface<Tier> {
 protected:
  void SetUp() override {
    Engine::Options options = Options();
    options.isolation.wanted = GetParam();
    auto engine = Engine::Create(options);
    if (!engine.ok()) GTEST_SKIP() << engine.status();
    engine_ = *std::move(engine);
  }

  std::string RunPath(const std::string& run) const { return folder_ + "/data/runs/" + run; }
  std::string ControlPath(const std::string& run) const { return folder_ + "/data/control/" + run; }

  ProcessId ProcessOf(const std::string& run, const std::string& file) const {
    const auto process = ReadPidFile(absl::StrCat(ControlPath(run), "/1-apply/", file));
    EXPECT_TRUE(process.ok()) << process.status();
    return process.value_or(ProcessId{});
  }

  std::vector<ProcessId> Living(const std::string& run) const {
    return FindRunProcesses(RunPath(run), {ProcessOf(run, "shim.pid"), ProcessOf(run, "engine.pid")});
  }

  // An apply that has begun to make things and will not end by itself.
  std::unique_ptr<Watch> LaunchSlow(const std::string& run, Limits limits = {}) {
    Step step = StepOf(run, "1-apply", Command::kApply, "fleet", kSlow);
    step.limits = limits;
    auto watch = engine_->Launch(step);
    EXPECT_TRUE(watch.ok()) << watch.status();
    EXPECT_TRUE(AwaitLine(watch->get(), "Provisioning with"));
    return *std::move(watch);
  }
};

TEST_P(SupervisionTest, AKilledShimLetsTheEngineSaveItsState) {
  const auto watch = LaunchSlow("r1");
  ASSERT_TRUE(SendSignal(ProcessOf("r1", "shim.pid"), SIGKILL));
  EXPECT_EQ(watch->Poll(), std::nullopt) << "and so it does not end at once";
  const auto adopted = NewEngine()->Adopt("r1");  // a second one, which must not interrupt it again
  ASSERT_TRUE(adopted.ok());
  (*adopted)->Poll();
  EXPECT_FALSE(AwaitExit(watch.get()).known);
  EXPECT_THAT(state_.state("r1"), HasSubstr("\"status\":\"tainted\""));
  EXPECT_FALSE(state_.locked("r1"));
  EXPECT_TRUE(engine_->KillAll("r1").ok());
  EXPECT_THAT(Living("r1"), IsEmpty());
}

TEST_P(SupervisionTest, AKilledEngineIsToldBySignal) {
  const auto watch = LaunchSlow("r1");
  ASSERT_TRUE(SendSignal(ProcessOf("r1", "engine.pid"), SIGKILL));
  const Exit exit = AwaitExit(watch.get());
  EXPECT_TRUE(exit.known);
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_THAT(Living("r1"), IsEmpty()) << "the shim ends what the engine left";
}

TEST_P(SupervisionTest, NobodyKnowsTheEndWhenBothAreKilled) {
  const auto watch = LaunchSlow("r1");
  const ProcessId engine = ProcessOf("r1", "engine.pid");
  ASSERT_TRUE(SendSignal(ProcessOf("r1", "shim.pid"), SIGKILL));
  SendSignal(engine, SIGKILL);
  EXPECT_FALSE(AwaitExit(watch.get()).known);
  EXPECT_TRUE(engine_->KillAll("r1").ok());
  EXPECT_THAT(Living("r1"), IsEmpty());
  const auto adopted = NewEngine()->Adopt("r1");
  ASSERT_TRUE(adopted.ok());
  EXPECT_FALSE(AwaitExit(adopted->get()).known);
}

TEST_P(SupervisionTest, ASecondEngineAdoptsARunningStep) {
  auto watch = LaunchSlow("r1");
  watch.reset();
  engine_ = NewEngine();
  EXPECT_THAT(engine_->Folders(), testing::ElementsAre("r1"));
  const auto adopted = engine_->Adopt("r1");
  ASSERT_TRUE(adopted.ok()) << adopted.status();
  EXPECT_EQ((*adopted)->step_name(), "1-apply");
  EXPECT_EQ((*adopted)->command(), Command::kApply);
  EXPECT_EQ((*adopted)->Poll(), std::nullopt);
  EXPECT_FALSE(engine_->Remove("r1").ok());
  std::vector<std::string> lines;
  EXPECT_TRUE(AwaitLine(adopted->get(), "Provisioning with", &lines));
  EXPECT_THAT(lines[0], HasSubstr("\"version\""));
  (*adopted)->Interrupt();
  EXPECT_EQ(AwaitExit(adopted->get()).code, 1);
  EXPECT_TRUE(engine_->Remove("r1").ok());
  EXPECT_THAT(engine_->Folders(), IsEmpty());
}

TEST_P(SupervisionTest, AnInterruptedEngineEndsInGoodOrder) {
  const auto watch = LaunchSlow("r1");
  watch->Interrupt();
  watch->Interrupt();  // a second one does not cut its clean-up short
  std::vector<std::string> lines;
  const Exit exit = AwaitExit(watch.get(), &lines);
  EXPECT_TRUE(exit.known);
  EXPECT_EQ(exit.code, 1);
  EXPECT_FALSE(exit.timed_out);
  EXPECT_THAT(state_.state("r1"), HasSubstr("\"status\":\"tainted\""))
      << absl::StrJoin(lines, "\n") << watch->ErrorText() << engine_->Collect("r1")->errored_state;
  EXPECT_FALSE(state_.locked("r1"));
  EXPECT_THAT(Living("r1"), IsEmpty());
}

TEST_P(SupervisionTest, AnEngineThatDoesNotHeedIsKilledAfterTheGrace) {
  state_.HangWrites();
  Step step = StepOf("r1", "1-apply", Command::kApply, "note", R"({"title":"t"})");
  step.limits.cancel_grace = absl::Milliseconds(200);
  const auto watch = engine_->Launch(step);
  ASSERT_TRUE(watch.ok());
  ASSERT_TRUE(AwaitLine(watch->get(), "Creation complete"));
  (*watch)->Interrupt();
  const Exit exit = AwaitExit(watch->get());
  EXPECT_TRUE(exit.known);
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_THAT(Living("r1"), IsEmpty());
}

TEST_P(SupervisionTest, AStepPastItsWallTimeIsInterrupted) {
  Step step = StepOf("r1", "1-apply", Command::kApply, "fleet", kSlow);
  step.limits.wall_time = absl::Seconds(1);
  const auto watch = engine_->Launch(step);
  ASSERT_TRUE(watch.ok());
  const Exit exit = AwaitExit(watch->get());
  EXPECT_TRUE(exit.timed_out);
  EXPECT_EQ(exit.code, 1);
  EXPECT_FALSE(state_.locked("r1"));
}

TEST_P(SupervisionTest, LeavesNoProcessBehind) {
  EXPECT_EQ(RunToEnd(StepOf("r1", "1-apply", Command::kApply, "stray", "{}")).code, 0);
  EXPECT_THAT(Living("r1"), IsEmpty());
  // The stray sleep works in the run's folder and would be seen there.
  const auto cwds = RunProgram(
      {.arguments = {"/usr/bin/env", "sh", "-c", "readlink /proc/[0-9]*/cwd"}, .environment = {"PATH=/usr/bin:/bin"}});
  ASSERT_TRUE(cwds.ok());
  EXPECT_EQ(cwds->out.find(RunPath("r1")), std::string::npos);
}

// Whether this process has a dead child that nobody has waited for.
bool HasZombie() {
  siginfo_t info = {};
  const int found = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
  return found == 0 && info.si_pid != 0;
}

TEST_P(SupervisionTest, AnEndedStepLeavesNoZombie) {
  engine_->Tidy();  // of the tests before this one
  EXPECT_EQ(RunToEnd(StepOf("r1", "1-apply", Command::kApply, "note", R"({"title":"t"})")).code, 0);
  // Gone altogether: the system's first process may never look after it.
  EXPECT_EQ(kill(ProcessOf("r1", "shim.pid").pid, 0), -1);
  EXPECT_FALSE(HasZombie());
}

TEST_P(SupervisionTest, WhatAKilledShimLeavesIsReaped) {
  LaunchSlow("r1").reset();
  const ProcessId shim = ProcessOf("r1", "shim.pid");
  const ProcessId engine = ProcessOf("r1", "engine.pid");
  const UniqueFd engine_ended = OpenProcess(engine);
  ASSERT_TRUE(SendSignal(shim, SIGKILL));
  SendSignal(engine, SIGKILL);
  EXPECT_TRUE(engine_->KillAll("r1").ok());
  pollfd all_threads_ended = {engine_ended.get(), POLLIN, 0};
  ASSERT_EQ(poll(&all_threads_ended, 1, 60'000), 1);
  engine_->Tidy();
  EXPECT_EQ(kill(shim.pid, 0), -1);
  EXPECT_EQ(kill(engine.pid, 0), -1);
  EXPECT_FALSE(HasZombie());
}

TEST_P(SupervisionTest, TidyingLeavesAProgramThatIsWaitedForAlone) {
  std::atomic<bool> done = false;
  std::thread tidier([&] {
    while (!done) engine_->Tidy();
  });
  for (int i = 0; i < 50; ++i) {
    const auto ended = RunProgram({.arguments = {"/bin/sh", "-c", "exit 7"}, .environment = {}});
    ASSERT_TRUE(ended.ok());
    EXPECT_EQ(ended->code, 7);
  }
  done = true;
  tidier.join();
}

TEST_P(SupervisionTest, KillAllEndsALivingStep) {
  const auto watch = LaunchSlow("r1");
  EXPECT_TRUE(engine_->KillAll("r1").ok());
  EXPECT_THAT(Living("r1"), IsEmpty());
  EXPECT_EQ(AwaitExit(watch.get()).signal, SIGKILL);
  EXPECT_TRUE(engine_->KillAll("nobody").ok());
}

TEST_P(SupervisionTest, OverstepsNoLimitOfMemory) {
  Step step = StepOf("r1", "1-apply", Command::kApply, "note", R"({"title":"t"})");
  step.limits.memory_bytes = 8 << 20;
  std::vector<std::string> lines;
  const Exit exit = RunToEnd(step, &lines);
  EXPECT_TRUE(exit.known);
  EXPECT_NE(exit.code, 0);
}

TEST_P(SupervisionTest, ASandboxedStepWritesInItsOwnFolderAlone) {
  if (GetParam() == Tier::kOff) GTEST_SKIP() << "there is no sandbox";
  ASSERT_TRUE(MakeFolder(RunPath("other")).ok());
  EXPECT_EQ(RunToEnd(StepOf("r1", "1-apply", Command::kApply, "explorer", "{}")).code, 0);
  EXPECT_THAT(state_.state("r1"), HasSubstr("sealed off"));
  EXPECT_TRUE(ReadFile(RunPath("r1") + "/here", 16).ok());
  EXPECT_TRUE(absl::IsNotFound(ReadFile(RunPath("outside"), 16).status()));
}

// Of the release before this one: the control files were in the work folder.
TEST_P(SupervisionTest, ARunWithControlFilesInItsWorkFolderIsAdopted) {
  auto watch = LaunchSlow("r1");
  watch.reset();
  ASSERT_EQ(rename((ControlPath("r1") + "/1-apply").c_str(), (RunPath("r1") + "/1-apply").c_str()), 0);
  ASSERT_TRUE(WriteFile(RunPath("r1") + "/.laid-out", "").ok());
  ASSERT_EQ(symlink("/etc/hostname", (RunPath("r1") + "/1-apply/forged").c_str()), 0);
  ASSERT_TRUE(RemoveFolder(ControlPath("r1")).ok());
  engine_ = NewEngine();
  const auto adopted = engine_->Adopt("r1");
  ASSERT_TRUE(adopted.ok()) << adopted.status();
  EXPECT_EQ((*adopted)->Poll(), std::nullopt);
  EXPECT_TRUE(absl::IsNotFound(ReadFile(ControlPath("r1") + "/1-apply/forged", 100).status()));
  (*adopted)->Interrupt();
  EXPECT_EQ(AwaitExit(adopted->get()).code, 1);
  EXPECT_THAT(state_.state("r1"), HasSubstr("\"status\":\"tainted\""));
  EXPECT_TRUE(engine_->Remove("r1").ok());
  EXPECT_THAT(engine_->Folders(), IsEmpty());
}

// Whatever moment a shim is killed at: the step can be adopted, or it never began and the engine did nothing.
TEST_P(SupervisionTest, AShimKilledWhileItBeginsIsAdoptableOrNeverBegan) {
  ASSERT_TRUE(engine_->Prepare(Module("note")).ok());
  std::minstd_rand random(20240817);
  int adoptable = 0;
  for (int i = 0; i < 40; ++i) {
    const std::string run = absl::StrCat("r", i);
    const Step step = StepOf(run, "1-apply", Command::kApply, "note", R"({"title":"t"})");
    std::atomic<bool> done = false;
    const absl::Duration delay = absl::Microseconds(std::uniform_int_distribution<int>(0, 3000)(random));
    std::thread killer([&] {
      std::vector<ProcessId> found;
      while (found.empty() && !done) found = FindRunProcesses(RunPath(run), {});
      absl::SleepFor(delay);
      for (const ProcessId& process : found) SendSignal(process, SIGKILL);
    });
    const auto launched = engine_->Launch(step);
    done = true;
    killer.join();
    const auto adopted = engine_->Adopt(run);
    if (adopted.ok()) {
      ++adoptable;
      AwaitExit(adopted->get());
    } else {
      EXPECT_TRUE(absl::IsNotFound(adopted.status())) << adopted.status();
      EXPECT_FALSE(launched.ok());
    }
    EXPECT_TRUE(engine_->KillAll(run).ok());
    const bool did_something = !ReadFile(ControlPath(run) + "/1-apply/events.jsonl", 1 << 20).value_or("").empty();
    EXPECT_TRUE(adopted.ok() || !did_something) << "it ran unseen";
  }
  RecordProperty("adoptable", adoptable);
}

INSTANTIATE_TEST_SUITE_P(Tiers, SupervisionTest, testing::Values(Tier::kOff, Tier::kStrict),
                         [](const auto& tier) { return std::string(TierName(tier.param)); });

}  // namespace
}  // namespace stratus::provisioning::engine
