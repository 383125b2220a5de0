// A real engine, a real shim and a state backend in a folder of its own.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "services/provisioning/engine/engine.h"
#include "services/provisioning/engine/testing/state_server.h"

namespace stratus::provisioning::engine {

// Where set-up and the build put things.
std::string TofuPath();
std::string ShimPath();
std::string RelayPath();
std::string HclReaderPath();
std::string ProviderMirror();
std::string ModulesFolder();      // those that ship
std::string TestModulesFolder();  // those for tests

class EngineTest : public testing::Test {
 protected:
  EngineTest();
  ~EngineTest() override;

  Engine::Options Options() const;
  // Another one over the same folder: what a restarted service makes.
  std::unique_ptr<Engine> NewEngine() const;

  const ModuleEntry& Module(const std::string& name);
  Step StepOf(const std::string& run_uid, const std::string& name, Command command, const std::string& module,
              const std::string& variables);

  // Launches, and waits for the end.
  Exit RunToEnd(const Step& step, std::vector<std::string>* lines = nullptr);

  std::string folder_;
  StateServer state_;
  std::unique_ptr<Engine> engine_;

 private:
  std::map<std::string, std::unique_ptr<ModuleEntry>> modules_;
};

// Reads until a line has `text` in it; false when the step ends, or a minute passes, without one.
bool AwaitLine(Watch* watch, std::string_view text, std::vector<std::string>* lines = nullptr);
// Reads to the end of the step; a default Exit when that does not come within a minute.
Exit AwaitExit(Watch* watch, std::vector<std::string>* lines = nullptr);

}  // namespace stratus::provisioning::engine
