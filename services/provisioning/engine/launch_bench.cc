// What a step costs beyond the engine itself: `Launch` to the end, beside bare `tofu apply` in an initialised folder,
// against the same state backend.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/provisioning/engine/command_line.h"
#include "services/provisioning/engine/process.h"
#include "services/provisioning/engine/testing/engine_fixture.h"

namespace stratus::provisioning::engine {
namespace {

constexpr char kVariables[] = R"({"title":"first","body":"a text","tags":["b","a"]})";

class Harness : public EngineTest {
 public:
  explicit Harness(Tier tier = Tier::kOff) {
    Engine::Options options = Options();
    options.isolation.wanted = tier;
    engine_ = *Engine::Create(options);
  }
  void TestBody() override {}
  std::unique_ptr<Watch> Launch(const std::string& run) {
    return *engine_->Launch(StepOf(run, "1-apply", Command::kApply, "note", kVariables));
  }
  void Remove(const std::string& run) { engine_->Remove(run).IgnoreError(); }

  // A folder as Launch lays it out, with what it would start the engine with.
  ProgramCall BareCall(const std::string& run) {
    Step step = StepOf(run, "1-plan", Command::kPlan, "note", kVariables);
    AwaitExit(engine_->Launch(step)->get());
    step.command = Command::kApply;
    const std::string folder = folder_ + "/data/runs/" + run;
    std::string cli_config;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/data/prepared")) {
      if (entry.path().extension() == ".tfrc") cli_config = entry.path();
    }
    ProgramCall call{.arguments = *EngineArguments(step),
                     .environment = *EngineEnvironment(step, folder, cli_config),
                     .folder = folder};
    call.arguments.insert(call.arguments.begin(), TofuPath());
    std::erase_if(call.environment, [](const std::string& variable) { return variable.starts_with("GO"); });
    return call;
  }
};

void BM_BareApply(benchmark::State& state) {
  Harness harness;
  int run = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const ProgramCall call = harness.BareCall(absl::StrCat("b", ++run));
    state.ResumeTiming();
    if (RunProgram(call)->code != 0) std::abort();
  }
}
BENCHMARK(BM_BareApply)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(40);

// In tier off, and in strict: what isolation costs.
void BM_LaunchToExit(benchmark::State& state) {
  Harness harness(static_cast<Tier>(state.range(0)));
  AwaitExit(harness.Launch("warm").get());
  int run = 0;
  for (auto _ : state) {
    const std::string name = absl::StrCat("r", ++run);
    if (AwaitExit(harness.Launch(name).get()).code != 0) std::abort();
    harness.Remove(name);
  }
}
BENCHMARK(BM_LaunchToExit)
    ->ArgName("tier")
    ->Arg(static_cast<int>(Tier::kOff))
    ->Arg(static_cast<int>(Tier::kStrict))
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(40);

}  // namespace
}  // namespace stratus::provisioning::engine
