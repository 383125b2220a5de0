#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/engine.h"
#include "services/provisioning/engine/process.h"

namespace stratus::provisioning::engine {
namespace {

constexpr int kMajorMin = 1;
constexpr int kMinorMin = 6;

// OK, or what is wrong with the program.
absl::Status CheckVersion(const std::string& program) {
  const auto ended = RunProgram({.arguments = {program, "version", "-json"},
                                 .environment = {"PATH=/usr/bin:/bin", "CHECKPOINT_DISABLE=1", "HOME=/nonexistent"}});
  if (!ended.ok()) return ended.status();
  const nlohmann::json answer = nlohmann::json::parse(ended->out, nullptr, false);
  const std::string version = answer.is_object() ? answer.value("terraform_version", "") : "";
  const std::vector<std::string> parts = absl::StrSplit(version, '.');
  int major = 0, minor = 0;
  if (parts.size() < 3 || !absl::SimpleAtoi(parts[0], &major) || !absl::SimpleAtoi(parts[1], &minor)) {
    return absl::FailedPreconditionError(absl::StrCat(program, " does not say which version it is"));
  }
  if (major > kMajorMin || (major == kMajorMin && minor >= kMinorMin)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(program, " is ", version, "; ", kMajorMin, ".", kMinorMin, " or newer is needed"));
}

std::string OnPath(std::string_view name) {
  const char* path = std::getenv("PATH");
  for (absl::string_view folder : absl::StrSplit(path == nullptr ? "/usr/local/bin:/usr/bin" : path, ':')) {
    std::string candidate = absl::StrCat(folder, "/", core::ToAbsl(name));
    if (core::ToStd(folder).starts_with("/") && access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

}  // namespace

absl::StatusOr<std::string> FindEngine(std::string_view explicit_path) {
  if (!explicit_path.empty()) {
    const std::string program(explicit_path);
    if (absl::Status status = CheckVersion(program); !status.ok()) return status;
    return program;
  }
  std::string refused;
  for (const std::string_view name : {"tofu", "terraform"}) {
    const std::string program = OnPath(name);
    if (program.empty()) continue;
    const absl::Status status = CheckVersion(program);
    if (status.ok()) return program;
    absl::StrAppend(&refused, status.message(), "; ");
  }
  return absl::NotFoundError(absl::StrCat(refused, "no engine: install OpenTofu ", kMajorMin, ".", kMinorMin,
                                          " or newer on PATH, or name it"));
}

}  // namespace stratus::provisioning::engine
