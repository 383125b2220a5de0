#include "services/provisioning/engine/workspace.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/command_line.h"
#include "services/provisioning/engine/files.h"

namespace stratus::provisioning::engine {
namespace {

namespace fs = std::filesystem;

constexpr size_t kSpecBytesMax = size_t{4} << 20;

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

absl::Status RemoveFile(const std::string& path) {
  return unlink(path.c_str()) == 0 || errno == ENOENT ? absl::OkStatus() : ErrnoStatus(path);
}

absl::Status Link(const std::string& target, const std::string& path) {
  if (!Exists(target) || symlink(target.c_str(), path.c_str()) == 0 || errno == EEXIST) return absl::OkStatus();
  return ErrnoStatus(path);
}

// The backend's record is copied; providers and modules, which nobody writes to, are links.
absl::Status LayOutDataFolder(const std::string& from, const std::string& to) {
  if (absl::Status status = MakeFolder(to); !status.ok()) return status;
  const auto record = ReadFile(from + "/terraform.tfstate", kSpecBytesMax);
  if (!record.ok()) return record.status();
  if (absl::Status status = WriteFile(to + "/terraform.tfstate", *record); !status.ok()) return status;
  if (absl::Status status = Link(from + "/providers", to + "/providers"); !status.ok()) return status;
  return Link(from + "/modules", to + "/modules");
}

// What an earlier step could not save is not this step's, but it is not thrown away either.
absl::Status SetAsideErroredState(const Step& step, const std::string& run_folder) {
  const std::string left = run_folder + "/errored.tfstate";
  if (rename(left.c_str(), absl::StrCat(run_folder, "/errored-before-", step.name, ".tfstate").c_str()) == 0) {
    return absl::OkStatus();
  }
  return errno == ENOENT ? absl::OkStatus() : ErrnoStatus(left);
}

// `3-apply` is 3; what has no number is -1 and no step.
int StepNumber(const std::string& name) {
  int number = 0;
  const std::vector<std::string> parts = absl::StrSplit(name, absl::MaxSplits('-', 1));
  return parts.size() == 2 && absl::SimpleAtoi(parts[0], &number) && number >= 0 ? number : -1;
}

void Append(std::string_view key, std::string_view value, std::string* spec) {
  absl::StrAppend(spec, core::ToAbsl(key), "=", core::ToAbsl(value));
  spec->push_back('\0');
}

std::string SpecOf(const Step& step, const std::string& run_folder, const std::vector<std::string>& arguments) {
  std::string spec;
  Append("command", CommandName(step.command), &spec);
  Append("cwd", run_folder, &spec);
  Append("wall_ms", absl::StrCat(absl::ToInt64Milliseconds(step.limits.wall_time)), &spec);
  Append("grace_ms", absl::StrCat(absl::ToInt64Milliseconds(step.limits.cancel_grace)), &spec);
  Append("memory_bytes", absl::StrCat(step.limits.memory_bytes), &spec);
  Append("file_bytes", absl::StrCat(step.limits.file_bytes), &spec);
  Append("open_files", absl::StrCat(step.limits.open_files), &spec);
  Append("processes", absl::StrCat(step.limits.processes), &spec);
  for (const std::string& argument : arguments) Append("arg", argument, &spec);
  return spec;
}

}  // namespace

absl::Status LayOutRun(const std::string& prepared, const std::string& run_folder) {
  const std::string done = run_folder + "/.laid-out";
  if (Exists(done)) return absl::OkStatus();
  absl::Status status = CopyModule(prepared, run_folder);
  if (status.ok()) status = LayOutDataFolder(prepared + "/.terraform", run_folder + "/.terraform");
  if (status.ok()) status = MakeFolder(run_folder + "/tmp");
  if (status.ok()) status = WriteFile(done, "");
  return status;
}

absl::Status WriteInputs(const Step& step, const std::string& run_folder) {
  if (absl::Status status = SetAsideErroredState(step, run_folder); !status.ok()) return status;
  const std::string variables = absl::StrCat(run_folder, "/", core::ToAbsl(kVariablesFile));
  if (absl::Status status = WriteFile(variables, step.variables_json.empty() ? "{}" : step.variables_json);
      !status.ok()) {
    return status;
  }
  const auto imports = ImportBlocks(step.imports);
  if (!imports.ok()) return imports.status();
  const std::string imports_file = run_folder + "/stratus_imports.tf";
  absl::Status status = imports->empty() ? RemoveFile(imports_file) : WriteFile(imports_file, *imports);
  if (!status.ok()) return status;
  if (!step.plan.empty()) return WriteFile(run_folder + "/plan.bin", step.plan);
  if (step.command == Command::kPlan || step.command == Command::kPlanDestroy)
    return RemoveFile(run_folder + "/plan.bin");
  return absl::OkStatus();
}

absl::Status WriteStep(const Step& step, const std::string& step_folder, const std::string& run_folder,
                       const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  if (Exists(step_folder + "/shim.pid")) {
    return absl::AlreadyExistsError(absl::StrCat("step ", step.name, " of run ", step.run_uid, " was begun before"));
  }
  if (Exists(step_folder)) {
    if (absl::Status status = RemoveFolder(step_folder); !status.ok()) return status;
  }
  if (absl::Status status = MakeFolder(step_folder); !status.ok()) return status;
  if (absl::Status status = WriteFile(step_folder + "/spec", SpecOf(step, run_folder, arguments)); !status.ok()) {
    return status;
  }
  std::string lines;
  for (const std::string& variable : environment) lines.append(variable).push_back('\0');
  return WriteFile(step_folder + "/environment", lines);
}

std::vector<std::string> BegunSteps(const std::string& run_folder) {
  std::vector<std::string> steps;
  std::error_code error;
  for (fs::directory_iterator at(run_folder, error), end; !error && at != end; at.increment(error)) {
    if (StepNumber(at->path().filename()) >= 0 && Exists(at->path() / "shim.pid")) steps.push_back(at->path());
  }
  std::sort(steps.begin(), steps.end(), [](const std::string& a, const std::string& b) {
    return StepNumber(fs::path(a).filename()) < StepNumber(fs::path(b).filename());
  });
  return steps;
}

absl::StatusOr<std::string> NewestStep(const std::string& run_folder) {
  std::vector<std::string> steps = BegunSteps(run_folder);
  if (steps.empty()) return absl::NotFoundError(absl::StrCat("no step was begun in ", run_folder));
  return steps.back();
}

absl::StatusOr<StepFacts> ReadStepFacts(const std::string& step_folder) {
  const auto spec = ReadFile(step_folder + "/spec", kSpecBytesMax);
  if (!spec.ok()) return spec.status();
  StepFacts facts;
  int64_t grace_ms = -1;
  for (absl::string_view entry : absl::StrSplit(*spec, '\0')) {
    const std::pair<absl::string_view, absl::string_view> pair = absl::StrSplit(entry, absl::MaxSplits('=', 1));
    if (pair.first == "grace_ms" && !absl::SimpleAtoi(pair.second, &grace_ms)) break;
    if (pair.first != "command") continue;
    const auto command = CommandOf(core::ToStd(pair.second));
    if (!command.ok()) return command.status();
    facts.command = *command;
  }
  if (grace_ms < 0) return absl::DataLossError(absl::StrCat(step_folder, "/spec is not whole"));
  facts.cancel_grace = absl::Milliseconds(grace_ms);
  return facts;
}

}  // namespace stratus::provisioning::engine
