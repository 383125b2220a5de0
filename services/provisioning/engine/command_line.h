// What the engine is started with: arguments and environment.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/provisioning/engine/engine.h"

namespace stratus::provisioning::engine {

// `apply`, `plan`, ...: how a step's files name its command.
std::string_view CommandName(Command command);
absl::StatusOr<Command> CommandOf(std::string_view name);

// Without the program. INVALID_ARGUMENT for a target that is no address.
absl::StatusOr<std::vector<std::string>> EngineArguments(const Step& step);

// What every engine gets: nothing of ours but what tells it how to reach the net. `folder` is its home.
// With a `proxy` that is its only way to the net, it is told of no other.
std::vector<std::string> BaseEnvironment(const std::string& folder, const std::string& cli_config,
                                         const std::string& proxy = "");

// BaseEnvironment, the state backend and the step's secrets. INVALID_ARGUMENT for a secret's name that is not a
// variable's, or is one of those that are set here.
absl::StatusOr<std::vector<std::string>> EngineEnvironment(const Step& step, const std::string& folder,
                                                           const std::string& cli_config);

// The text as a quoted HCL string in which nothing is interpolated.
std::string HclString(std::string_view text);

// `import` blocks. INVALID_ARGUMENT for what is no address.
absl::StatusOr<std::string> ImportBlocks(const std::vector<Import>& imports);

}  // namespace stratus::provisioning::engine
