#include "services/provisioning/engine/testing/engine_fixture.h"

#include <filesystem>

#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "services/provisioning/engine/catalog.h"
#include "services/provisioning/engine/files.h"

namespace stratus::provisioning::engine {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(4);

std::string MakeTemporaryFolder() {
  std::string name = testing::TempDir() + "engine-XXXXXX";
  return mkdtemp(name.data()) == nullptr ? "" : name;
}

}  // namespace

std::string TofuPath() { return STRATUS_TOFU; }
std::string ShimPath() { return STRATUS_SHIM; }
std::string RelayPath() { return STRATUS_RELAY; }
std::string HclReaderPath() { return STRATUS_HCL; }
std::string ProviderMirror() { return STRATUS_PROVIDERS; }
std::string ModulesFolder() { return STRATUS_MODULES; }
std::string TestModulesFolder() { return STRATUS_TEST_MODULES; }

EngineTest::EngineTest() : folder_(MakeTemporaryFolder()), engine_(NewEngine()) {}

EngineTest::~EngineTest() {
  for (const std::string& run : engine_->Folders()) EXPECT_TRUE(engine_->KillAll(run).ok());
  engine_.reset();
  EXPECT_TRUE(RemoveFolder(folder_).ok());
}

Engine::Options EngineTest::Options() const {
  return {.tofu = TofuPath(),
          .shim = ShimPath(),
          .relay = RelayPath(),
          .data_dir = folder_ + "/data",
          .provider_mirror = ProviderMirror()};
}

std::unique_ptr<Engine> EngineTest::NewEngine() const {
  auto engine = Engine::Create(Options());
  EXPECT_TRUE(engine.ok()) << engine.status();
  return *std::move(engine);
}

const ModuleEntry& EngineTest::Module(const std::string& name) {
  std::unique_ptr<ModuleEntry>& module = modules_[name];
  if (module != nullptr) return *module;
  for (const std::string& folder : {ModulesFolder(), TestModulesFolder()}) {
    if (!std::filesystem::exists(folder + "/" + name)) continue;
    const auto catalog = Catalog::Load({.modules_dir = folder, .hcl_reader = HclReaderPath()});
    EXPECT_TRUE(catalog.ok()) << catalog.status();
    module = std::make_unique<ModuleEntry>(**(*catalog)->Find(name));
  }
  return *module;
}

Step EngineTest::StepOf(const std::string& run_uid, const std::string& name, Command command, const std::string& module,
                        const std::string& variables) {
  Step step;
  step.run_uid = run_uid;
  step.name = name;
  step.command = command;
  step.module = &Module(module);
  step.variables_json = variables;
  step.backend = state_.BackendOf(run_uid);
  return step;
}

Exit EngineTest::RunToEnd(const Step& step, std::vector<std::string>* lines) {
  const auto watch = engine_->Launch(step);
  EXPECT_TRUE(watch.ok()) << watch.status();
  if (!watch.ok()) return {};
  std::vector<std::string> seen;
  const Exit exit = AwaitExit(watch->get(), &seen);
  if (lines != nullptr) *lines = seen;
  if (exit.code != 0 && lines == nullptr) ADD_FAILURE() << (*watch)->ErrorText() << absl::StrJoin(seen, "\n");
  return exit;
}

bool AwaitLine(Watch* watch, std::string_view text, std::vector<std::string>* lines) {
  const absl::Time deadline = absl::Now() + kPatience;
  int64_t offset = 0;
  while (absl::Now() < deadline) {
    const bool ended = watch->Poll().has_value();
    for (std::string& line : watch->Read(&offset, deadline - absl::Now())) {
      const bool found = line.find(text) != std::string::npos;
      if (lines != nullptr) lines->push_back(std::move(line));
      if (found) return true;
    }
    if (ended) return false;
  }
  return false;
}

Exit AwaitExit(Watch* watch, std::vector<std::string>* lines) {
  const absl::Time deadline = absl::Now() + kPatience;
  int64_t offset = 0;
  for (;;) {
    const std::optional<Exit> exit = watch->Poll();
    for (std::string& line : watch->Read(&offset, deadline - absl::Now())) {
      if (lines != nullptr) lines->push_back(std::move(line));
    }
    if (exit) return *exit;
    if (absl::Now() >= deadline) return {};
  }
}

}  // namespace stratus::provisioning::engine
