#include "services/provisioning/engine/engine.h"

#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/cgroups.h"
#include "services/provisioning/engine/files.h"
#include "services/provisioning/engine/testing/engine_fixture.h"

namespace stratus::provisioning::engine {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr char kNote[] = R"({"title":"first","body":"a text","tags":["b","a"]})";

std::string Message(const absl::Status& status) { return std::string(core::ToStd(status.message())); }

std::vector<std::string> AddressesIn(const std::string& state) {
  std::vector<std::string> addresses;
  const json document = json::parse(state);
  for (const json& resource : document.at("resources")) {
    for (const json& instance : resource.at("instances")) {
      addresses.push_back(absl::StrCat(resource.value("type", ""), ".", resource.value("name", ""),
                                       instance.contains("index_key") ? instance["index_key"].dump() : ""));
    }
  }
  return addresses;
}

TEST_F(EngineTest, AppliesAndDestroysAModuleThatNeedsNoProvider) {
  std::vector<std::string> lines;
  EXPECT_EQ(RunToEnd(StepOf("r1", "1-apply", Command::kApply, "note", kNote), &lines).code, 0);
  EXPECT_THAT(absl::StrJoin(lines, "\n"), HasSubstr("Apply complete!"));
  EXPECT_THAT(AddressesIn(state_.state("r1")), ElementsAre("terraform_data.note"));
  EXPECT_FALSE(state_.locked("r1"));

  EXPECT_EQ(RunToEnd(StepOf("r1", "2-destroy", Command::kDestroy, "note", kNote)).code, 0);
  EXPECT_THAT(AddressesIn(state_.state("r1")), ElementsAre());
}

TEST_F(EngineTest, AppliesAPlanThatWasKeptElsewhere) {
  std::vector<std::string> lines;
  EXPECT_EQ(RunToEnd(StepOf("r1", "1-plan", Command::kPlan, "note", kNote), &lines).code, 2);
  EXPECT_EQ(state_.state("r1"), "");
  EXPECT_EQ(RunToEnd(StepOf("r1", "2-show", Command::kShowPlan, "note", kNote), &lines).code, 0);
  ASSERT_EQ(lines.size(), 1);
  EXPECT_EQ(json::parse(lines[0])["resource_changes"][0]["address"], "terraform_data.note");

  Step apply = StepOf("r1", "3-apply", Command::kApplyPlan, "note", kNote);
  const auto leavings = engine_->Collect("r1");
  ASSERT_TRUE(leavings.ok());
  apply.plan = leavings->plan;
  ASSERT_TRUE(engine_->Remove("r1").ok());
  EXPECT_EQ(RunToEnd(apply).code, 0);
  EXPECT_THAT(AddressesIn(state_.state("r1")), ElementsAre("terraform_data.note"));
}

TEST_F(EngineTest, LooksForDriftAndChangesNothing) {
  EXPECT_EQ(RunToEnd(StepOf("r1", "1-apply", Command::kApply, "note", kNote)).code, 0);
  const std::string before = state_.state("r1");
  std::vector<std::string> lines;
  EXPECT_EQ(RunToEnd(StepOf("r1", "2-drift", Command::kRefreshOnly, "note", kNote), &lines).code, 0);
  EXPECT_THAT(absl::StrJoin(lines, "\n"), HasSubstr("\"refresh_complete\""));
  EXPECT_EQ(state_.state("r1"), before);
}

TEST_F(EngineTest, ImportsWhatIsThereAlready) {
  Step step = StepOf("r1", "1-apply", Command::kApply, "note", kNote);
  step.imports = {{.address = "terraform_data.note", .id = "an ${id} \"with\" %{signs}"}};
  EXPECT_EQ(RunToEnd(step).code, 0);
  const json state = json::parse(state_.state("r1"));
  EXPECT_EQ(state["resources"][0]["instances"][0]["attributes"]["id"], step.imports[0].id);
}

TEST_F(EngineTest, AppliesOnlyTheTargets) {
  Step step = StepOf("r1", "1-apply", Command::kApply, "fleet", R"({"items":{"a":{},"b":{}}})");
  step.targets = {"terraform_data.item[\"b\"]"};
  EXPECT_EQ(RunToEnd(step).code, 0);
  EXPECT_THAT(AddressesIn(state_.state("r1")), ElementsAre("terraform_data.item\"b\""));
}

TEST_F(EngineTest, RefusesAddressesThatCouldBeMore) {
  Step step = StepOf("r1", "1-apply", Command::kApply, "note", kNote);
  step.imports = {{.address = "a.b\n}\nresource \"x\" \"y\" {", .id = "1"}};
  EXPECT_EQ(engine_->Launch(step).status().code(), absl::StatusCode::kInvalidArgument);
  step.imports.clear();
  step.targets = {"-chdir=/"};
  EXPECT_EQ(engine_->Launch(step).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(engine_->Adopt("r1").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(EngineTest, RefusesSecretsThatWouldSteerTheEngine) {
  for (const std::string name : {"PATH", "LD_PRELOAD", "TF_HTTP_ADDRESS", "TF_CLI_ARGS", "A=B", ""}) {
    Step step = StepOf("r1", "1-apply", Command::kApply, "note", kNote);
    step.secrets = {{name, "value"}};
    EXPECT_EQ(engine_->Launch(step).status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
}

TEST_F(EngineTest, BeginsAStepOnce) {
  const Step step = StepOf("r1", "1-apply", Command::kApply, "note", kNote);
  EXPECT_EQ(RunToEnd(step).code, 0);
  EXPECT_EQ(engine_->Launch(step).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(EngineTest, RefusesStepsPastItsLimit) {
  Engine::Options options = Options();
  options.steps_max = 1;
  auto engine = Engine::Create(options);
  ASSERT_TRUE(engine.ok());
  const auto watch =
      (*engine)->Launch(StepOf("r1", "1-apply", Command::kApply, "fleet", R"({"items":{"a":{}},"delay_seconds":600})"));
  ASSERT_TRUE(watch.ok()) << watch.status();
  EXPECT_EQ((*engine)->Launch(StepOf("r2", "1-apply", Command::kApply, "note", kNote)).status().code(),
            absl::StatusCode::kResourceExhausted);
  (*watch)->Kill();
  EXPECT_EQ(AwaitExit(watch->get()).signal, SIGKILL);
  const auto next = (*engine)->Launch(StepOf("r2", "1-apply", Command::kApply, "note", kNote));
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(AwaitExit(next->get()).code, 0);
}

TEST_F(EngineTest, StartsNothingOnAFullDisk) {
  Engine::Options options = Options();
  options.free_bytes_min = int64_t{1} << 60;
  auto engine = Engine::Create(options);
  ASSERT_TRUE(engine.ok());
  const Step step = StepOf("r1", "1-apply", Command::kApply, "note", kNote);
  const absl::Status refused = (*engine)->Launch(step).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(refused), HasSubstr("the disk of the work folders is full"));
  EXPECT_THAT((*engine)->Folders(), ElementsAre());
  EXPECT_EQ(RunToEnd(step).code, 0) << "there is room again";
}

TEST_F(EngineTest, KeepsTheStateThatItCouldNotSave) {
  state_.RefuseWrites();
  std::vector<std::string> lines;
  EXPECT_EQ(RunToEnd(StepOf("r1", "1-apply", Command::kApply, "note", kNote), &lines).code, 1);
  const auto leavings = engine_->Collect("r1");
  ASSERT_TRUE(leavings.ok());
  EXPECT_THAT(AddressesIn(leavings->errored_state), ElementsAre("terraform_data.note"));
}

TEST_F(EngineTest, NamesFileAndLineOfAModuleThatIsNotValid) {
  ModuleEntry module;
  module.folder = TestModulesFolder() + "/../invalid_modules/reference";
  module.digest = "invalid";
  const absl::Status status = engine_->Prepare(module);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(status), HasSubstr("main.tf:2: Reference to undeclared input variable"));
  module.folder = TestModulesFolder() + "/../broken_modules/syntax";
  module.digest = "broken";
  EXPECT_THAT(Message(engine_->Prepare(module)), HasSubstr("main.tf"));
}

TEST_F(EngineTest, RefusesAProviderThatIsNotInTheMirror) {
  Engine::Options options = Options();
  options.provider_mirror = "";
  auto engine = Engine::Create(options);
  ASSERT_TRUE(engine.ok());
  const absl::Status status = (*engine)->Prepare(Module("keys"));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(status), HasSubstr("digitalocean"));
  EXPECT_EQ(engine_->Prepare(Module("keys")), absl::OkStatus());
}

TEST_F(EngineTest, TellsTheProvidersOfChildModulesToo) {
  constexpr char kDigitalOcean[] = "registry.opentofu.org/digitalocean/digitalocean";
  for (const std::string name : {"keys", "nested"}) {
    const auto providers = engine_->Providers(Module(name));
    ASSERT_TRUE(providers.ok()) << providers.status();
    EXPECT_THAT(*providers, ElementsAre(kDigitalOcean)) << name;
    EXPECT_THAT(Module(name).module.providers(), ElementsAre(kDigitalOcean)) << name;
  }
  const auto none = engine_->Providers(Module("note"));
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_THAT(*none, ElementsAre()) << "terraform_data is built in";
}

TEST_F(EngineTest, PreparesOnceForManyThreadsAndEngines) {
  const auto other = NewEngine();
  const ModuleEntry& module = Module("note");
  std::vector<std::thread> threads;
  std::vector<absl::Status> statuses(8, absl::UnknownError(""));
  for (size_t i = 0; i < statuses.size(); ++i) {
    threads.emplace_back([&, i] { statuses[i] = (i % 2 == 0 ? engine_ : other)->Prepare(module); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& status : statuses) EXPECT_TRUE(status.ok()) << status;
}

TEST_F(EngineTest, WhatAShimThatWasKilledHasNotReadIsTakenAway) {
  const std::string unread = folder_ + "/data/control/r1/1-apply/environment";
  std::filesystem::create_directories(folder_ + "/data/control/r1/1-apply");
  ASSERT_TRUE(WriteFile(unread, "DIGITALOCEAN_TOKEN=hunter2").ok());
  EXPECT_EQ(engine_->Adopt("r1").status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(absl::IsNotFound(ReadFile(unread, 1 << 20).status()));
  ASSERT_TRUE(WriteFile(unread, "DIGITALOCEAN_TOKEN=hunter2").ok());
  EXPECT_EQ(RunToEnd(StepOf("r1", "2-apply", Command::kApply, "fleet", R"({"items":{}})")).code, 0);
  EXPECT_TRUE(absl::IsNotFound(ReadFile(unread, 1 << 20).status()));
}

TEST_F(EngineTest, ALaunchThatFailsLeavesNoCgroups) {
  const auto parents = FindCgroups("auto");
  ASSERT_TRUE(parents.ok()) << parents.status();
  if (parents->empty()) GTEST_SKIP() << "no cgroups may be made here";
  Engine::Options options = Options();
  options.cgroup = "auto";
  const auto engine = Engine::Create(options);
  ASSERT_TRUE(engine.ok()) << engine.status();
  // It was begun before, by these signs, and its spec does not tell of any.
  std::filesystem::create_directories(folder_ + "/data/control/leaking/1-apply");
  ASSERT_TRUE(WriteFile(folder_ + "/data/control/leaking/1-apply/shim.pid", "").ok());
  const Step step = StepOf("leaking", "1-apply", Command::kApply, "fleet", R"({"items":{}})");
  EXPECT_EQ((*engine)->Launch(step).status().code(), absl::StatusCode::kAlreadyExists);
  for (const CgroupParent& parent : *parents) {
    EXPECT_FALSE(std::filesystem::exists(parent.path + "/stratus-leaking-1-apply")) << parent.path;
  }
}

TEST_F(EngineTest, KeepsSecretsOutOfEverythingThatCanBeRead) {
  Step step = StepOf("r1", "1-apply", Command::kApply, "fleet",
                     R"({"items":{"a":{}},"delay_seconds":600,"password":"hunter2-variable"})");
  step.secrets = {{"DIGITALOCEAN_TOKEN", "hunter2-token"}};
  const auto watch = engine_->Launch(step);
  ASSERT_TRUE(watch.ok()) << watch.status();
  ASSERT_TRUE(AwaitLine(watch->get(), "Provisioning with"));
  const std::string folder = folder_ + "/data/control/r1/1-apply";
  EXPECT_TRUE(absl::IsNotFound(ReadFile(folder + "/environment", 1 << 20).status()));
  std::string pid = ReadFile(folder + "/engine.pid", 4096).value();
  pid.resize(pid.find(' '));
  std::string seen;
  for (const std::string& file :
       {folder + "/spec", folder + "/stderr", folder + "/events.jsonl", "/proc/" + pid + "/cmdline"}) {
    absl::StrAppend(&seen, ReadFile(file, 1 << 20).value());
  }
  EXPECT_THAT(seen,
              AllOf(HasSubstr("-auto-approve"), Not(HasSubstr("hunter2")), Not(HasSubstr(StateServer::kPassword))));
  (*watch)->Kill();
  AwaitExit(watch->get());
}

TEST_F(EngineTest, RedactsWhatTheEngineSaysOnStderr) {
  Step step = StepOf("r1", "1-show", Command::kShowPlan, "note", R"({"title":"t"})");
  step.secrets = {{"SOME_TOKEN", "Failed to"}};
  step.plan = "no plan at all";
  std::vector<std::string> lines;
  const auto watch = engine_->Launch(step);
  ASSERT_TRUE(watch.ok());
  EXPECT_EQ(AwaitExit(watch->get()).code, 1);
  EXPECT_THAT((*watch)->ErrorText(), AllOf(HasSubstr("(redacted)"), Not(HasSubstr("Failed to"))));
}

TEST_F(EngineTest, GivesTheSameLinesFromAnyOffset) {
  const auto watch = engine_->Launch(StepOf("r1", "1-apply", Command::kApply, "note", kNote));
  ASSERT_TRUE(watch.ok());
  std::vector<std::string> lines;
  EXPECT_EQ(AwaitExit(watch->get(), &lines).code, 0);
  int64_t offset = static_cast<int64_t>(lines[0].size()) + 1;
  const std::vector<std::string> rest = (*watch)->Read(&offset, absl::ZeroDuration());
  EXPECT_EQ(rest, std::vector<std::string>(lines.begin() + 1, lines.end()));
}

TEST(FindEngine, SaysWhatToInstall) {
  EXPECT_TRUE(FindEngine(TofuPath()).ok());
  const absl::Status status = FindEngine("/bin/true").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(status), HasSubstr("does not say which version"));
}

}  // namespace
}  // namespace stratus::provisioning::engine
