// Resource names, parsed strictly and formatted: `stacks/{stack}`, `stacks/{stack}/runs/{run}` and the rest. A parser
// gives nullopt for anything that is not exactly of the form; callers say which field it was.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stratus::provisioning::domain {

// Ids that users choose, and module names: 1..63 of [a-z0-9-], a letter first, no hyphen at the end.
bool IsResourceId(std::string_view id);
inline constexpr std::string_view kResourceIdRule = "1 to 63 of [a-z0-9-], a letter first, no hyphen at the end";

// Module names that would hide a path of the server's own (design.md).
bool IsReservedModuleName(std::string_view name);

struct RunName {
  std::string stack;
  std::string run;  // a uid
};
struct StateVersionName {
  std::string stack;
  int64_t serial = 0;  // 0: `latest`
};

std::optional<std::string> ParseModuleName(std::string_view name);     // `modules/{module}` -> the module
std::optional<std::string> ParseStackName(std::string_view name);      // `stacks/{stack}` -> the stack
std::optional<std::string> ParseOutputsName(std::string_view name);    // `stacks/{stack}/outputs` -> the stack
std::optional<RunName> ParseRunName(std::string_view name);            // `stacks/{stack}/runs/{run}`
std::optional<RunName> ParsePlanName(std::string_view name);           // `stacks/{stack}/runs/{run}/plan`
std::optional<std::string> ParseOperationName(std::string_view name);  // `operations/{run uid}` -> the uid
// `stacks/{stack}/stateVersions/{serial}`: a positive number without leading zeros, or `latest`.
std::optional<StateVersionName> ParseStateVersionName(std::string_view name);

std::string ModuleName(std::string_view module);
std::string StackName(std::string_view stack);
std::string OutputsName(std::string_view stack);
std::string RunNameOf(std::string_view stack, std::string_view run);
std::string PlanName(std::string_view stack, std::string_view run);
std::string OperationName(std::string_view run);
std::string StateVersionNameOf(std::string_view stack, int64_t serial);

}  // namespace stratus::provisioning::domain
