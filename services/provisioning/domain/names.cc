#include "services/provisioning/domain/names.h"

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/uid.h"

namespace stratus::provisioning::domain {
namespace {

// At most six segments: no name has more, and a longer text is none.
std::vector<std::string_view> Segments(std::string_view name) {
  std::vector<std::string_view> segments;
  while (segments.size() < 6) {
    const size_t slash = name.find('/');
    segments.push_back(name.substr(0, slash));
    if (slash == std::string_view::npos) break;
    name.remove_prefix(slash + 1);
  }
  return segments;
}

std::optional<std::string> ParsePair(std::string_view name, std::string_view collection,
                                     bool (*valid)(std::string_view)) {
  const auto segments = Segments(name);
  if (segments.size() != 2 || segments[0] != collection || !valid(segments[1])) return std::nullopt;
  return std::string(segments[1]);
}

bool IsStackPart(const std::vector<std::string_view>& segments) {
  return segments.size() >= 2 && segments[0] == "stacks" && IsResourceId(segments[1]);
}

std::optional<RunName> RunOf(const std::vector<std::string_view>& segments) {
  if (!IsStackPart(segments) || segments.size() < 4 || segments[2] != "runs" || !IsUid(segments[3])) {
    return std::nullopt;
  }
  return RunName{std::string(segments[1]), std::string(segments[3])};
}

std::optional<int64_t> ParseSerial(std::string_view text) {
  if (text == "latest") return 0;
  int64_t serial = 0;
  const bool digits = !text.empty() && text.size() <= 18 && text[0] != '0' &&
                      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || !absl::SimpleAtoi(core::ToAbsl(text), &serial)) return std::nullopt;
  return serial;
}

}  // namespace

bool IsResourceId(std::string_view id) {
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  if (id.empty() || id.size() > 63 || !lower(id.front()) || id.back() == '-') return false;
  return std::all_of(id.begin(), id.end(), [&](char c) { return lower(c) || (c >= '0' && c <= '9') || c == '-'; });
}

bool IsReservedModuleName(std::string_view name) {
  static constexpr std::array<std::string_view, 9> kNames = {"health", "docs",    "openapi.json", "console",    "v1",
                                                             "api",    "metrics", "traces",       "favicon.ico"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

std::optional<std::string> ParseModuleName(std::string_view name) { return ParsePair(name, "modules", IsResourceId); }
std::optional<std::string> ParseStackName(std::string_view name) { return ParsePair(name, "stacks", IsResourceId); }
std::optional<std::string> ParseOperationName(std::string_view name) { return ParsePair(name, "operations", IsUid); }

std::optional<std::string> ParseOutputsName(std::string_view name) {
  const auto segments = Segments(name);
  if (!IsStackPart(segments) || segments.size() != 3 || segments[2] != "outputs") return std::nullopt;
  return std::string(segments[1]);
}

std::optional<RunName> ParseRunName(std::string_view name) {
  const auto segments = Segments(name);
  return segments.size() == 4 ? RunOf(segments) : std::nullopt;
}

std::optional<RunName> ParsePlanName(std::string_view name) {
  const auto segments = Segments(name);
  return segments.size() == 5 && segments[4] == "plan" ? RunOf(segments) : std::nullopt;
}

std::optional<StateVersionName> ParseStateVersionName(std::string_view name) {
  const auto segments = Segments(name);
  if (!IsStackPart(segments) || segments.size() != 4 || segments[2] != "stateVersions") return std::nullopt;
  const auto serial = ParseSerial(segments[3]);
  if (!serial) return std::nullopt;
  return StateVersionName{std::string(segments[1]), *serial};
}

std::string ModuleName(std::string_view module) { return absl::StrCat("modules/", core::ToAbsl(module)); }
std::string StackName(std::string_view stack) { return absl::StrCat("stacks/", core::ToAbsl(stack)); }
std::string OutputsName(std::string_view stack) { return absl::StrCat(StackName(stack), "/outputs"); }
std::string RunNameOf(std::string_view stack, std::string_view run) {
  return absl::StrCat(StackName(stack), "/runs/", core::ToAbsl(run));
}
std::string PlanName(std::string_view stack, std::string_view run) {
  return absl::StrCat(RunNameOf(stack, run), "/plan");
}
std::string OperationName(std::string_view run) { return absl::StrCat("operations/", core::ToAbsl(run)); }
std::string StateVersionNameOf(std::string_view stack, int64_t serial) {
  return absl::StrCat(StackName(stack), "/stateVersions/", serial);
}

}  // namespace stratus::provisioning::domain
