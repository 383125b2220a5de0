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
#include "services/provisioning/engine/left_files.h"

namespace stratus::provisioning::engine {
namespace {

namespace fs = std::filesystem;

constexpr size_t kSpecBytesMax = size_t{4} << 20;

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

absl::Status Link(const std::string& target, const std::string& path) {
  if (!Exists(target) || symlink(target.c_str(), path.c_str()) == 0 || errno == EEXIST) return absl::OkStatus();
  return ErrnoStatus(path);
}

// The backend's record is copied; providers and modules, which nobody writes to, are links.
absl::Status LayOutDataFolder(const std::string& from, const std::string& to) {
  if (absl::Status status = MakeFolder(to); !status.ok()) return status;
  const auto folder = OpenFolder(from);
  if (!folder.ok()) return folder.status();
  const auto record = ReadLeft(*folder, "terraform.tfstate", kSpecBytesMax);
  if (!record.ok()) return record.status();
  if (absl::Status status = WriteFile(to + "/terraform.tfstate", *record); !status.ok()) return status;
  if (absl::Status status = Link(from + "/providers", to + "/providers"); !status.ok()) return status;
  return Link(from + "/modules", to + "/modules");
}

absl::Status CopyPrepared(const std::string& prepared, const RunFolders& folders) {
  absl::Status status = Link(prepared, folders.control + "/prepared");
  if (status.ok()) status = CopyModule(prepared, folders.work);
  if (status.ok()) status = LayOutDataFolder(prepared + "/.terraform", folders.work + "/.terraform");
  if (status.ok()) status = MakeFolder(folders.work + "/tmp");
  return status;
}

// What a program finds when it asks who it is: itself, and nobody else.
absl::Status WriteAccounts(const RunFolders& folders, uid_t uid) {
  const uid_t self = uid != 0 ? uid : geteuid();
  const gid_t group = uid != 0 ? uid : getegid();
  const absl::Status status = WriteSharedFile(
      folders.control + "/passwd", absl::StrCat("run:x:", self, ":", group, "::", folders.work, ":/bin/sh\n"));
  return status.ok() ? WriteSharedFile(folders.control + "/group", absl::StrCat("run:x:", group, ":\n")) : status;
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

std::string PolicyFile(const std::string& step_folder) { return step_folder + "/egress.policy"; }

// The run's egress process, and what it listens on.
void AppendCompanion(const RunNetwork& network, const std::string& step_folder, const StepStart& start,
                     std::string* spec) {
  Append("spared", network.relay, spec);
  Append("doors_folder", start.doors_folder, spec);
  for (const std::string& door : network.doors) Append("door", door, spec);
  for (const std::string& word : {network.egress_program, PolicyFile(step_folder), step_folder + "/egress.log"}) {
    Append("companion", word, spec);
  }
}

std::string SpecOf(const Step& step, const std::string& work_folder, const std::string& step_folder,
                   const StepStart& start) {
  const Limits& limits = step.limits;
  std::string spec;
  Append("command", CommandName(step.command), &spec);
  Append("work", work_folder, &spec);
  const std::pair<std::string_view, int64_t> numbers[] = {{"wall_ms", absl::ToInt64Milliseconds(limits.wall_time)},
                                                          {"grace_ms", absl::ToInt64Milliseconds(limits.cancel_grace)},
                                                          {"memory_bytes", limits.memory_bytes},
                                                          {"file_bytes", limits.file_bytes},
                                                          {"open_files", limits.open_files},
                                                          {"processes", limits.processes},
                                                          {"disk_bytes", limits.disk_bytes},
                                                          {"files_max", limits.files_max},
                                                          {"output_bytes", limits.output_bytes}};
  for (const auto& [key, number] : numbers) Append(key, absl::StrCat(number), &spec);
  for (const std::string& cgroup : start.cgroups) Append("cgroup", cgroup, &spec);
  if (step.network.own) AppendCompanion(step.network, step_folder, start, &spec);
  for (const std::string& argument : start.arguments) Append("arg", argument, &spec);
  return spec;
}

// Removes what no shim has put there.
absl::Status CleanControlFiles(const std::string& step_folder) {
  const auto folder = OpenFolder(step_folder);
  if (!folder.ok()) return folder.status();
  std::error_code error;
  for (fs::directory_iterator at(step_folder, error), end; !error && at != end; at.increment(error)) {
    if (at->symlink_status(error).type() == fs::file_type::regular) continue;
    if (absl::Status status = RemoveLeft(*folder, at->path().filename()); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status LayOutRun(const std::string& prepared, const RunFolders& folders, uid_t uid) {
  const std::string done = folders.control + "/laid-out";
  const auto owner = ReadFile(done, 64);
  if (owner.ok() && *owner == absl::StrCat(uid)) return absl::OkStatus();
  absl::Status status = owner.ok() ? absl::OkStatus() : CopyPrepared(prepared, folders);
  if (status.ok()) status = WriteAccounts(folders, uid);
  // Also one that an earlier release, or a service that was started by another user, laid out for itself.
  if (status.ok() && uid != 0) status = GiveTree(folders.work, uid);
  if (status.ok()) status = WriteFile(done, absl::StrCat(uid));
  return status;
}

absl::Status WriteInputs(const Step& step, const RunFolders& folders, uid_t uid) {
  const auto work = OpenFolder(folders.work);
  if (!work.ok()) return work.status();
  // What an earlier step could not save is not this step's, but it is not thrown away either.
  absl::Status status = MoveLeft(*work, "errored.tfstate", absl::StrCat("errored-before-", step.name, ".tfstate"));
  const std::string variables = step.variables_json.empty() ? "{}" : step.variables_json;
  if (status.ok()) status = PutFile(*work, std::string(kVariablesFile), variables, uid);
  // Which texts are secret has to be known also when the run has changed its own copy.
  if (status.ok()) status = WriteFile(absl::StrCat(folders.control, "/", core::ToAbsl(kVariablesFile)), variables);
  if (!status.ok()) return status;
  const auto imports = ImportBlocks(step.imports);
  if (!imports.ok()) return imports.status();
  status =
      imports->empty() ? RemoveLeft(*work, "stratus_imports.tf") : PutFile(*work, "stratus_imports.tf", *imports, uid);
  if (!status.ok()) return status;
  if (!step.plan.empty()) return PutFile(*work, "plan.bin", step.plan, uid);
  if (step.command == Command::kPlan || step.command == Command::kPlanDestroy) return RemoveLeft(*work, "plan.bin");
  return absl::OkStatus();
}

absl::Status WriteStep(const Step& step, const RunFolders& folders, const StepStart& start) {
  const std::string step_folder = absl::StrCat(folders.control, "/", step.name);
  if (Exists(step_folder + "/shim.pid")) {
    return absl::AlreadyExistsError(absl::StrCat("step ", step.name, " of run ", step.run_uid, " was begun before"));
  }
  if (absl::Status status = RemoveFolder(step_folder); !status.ok()) return status;
  if (absl::Status status = MakeFolder(step_folder); !status.ok()) return status;
  if (absl::Status status = WriteFile(step_folder + "/spec", SpecOf(step, folders.work, step_folder, start));
      !status.ok()) {
    return status;
  }
  if (step.network.own) {
    const absl::Status written = WriteFile(PolicyFile(step_folder), step.network.egress_policy);
    if (!written.ok()) return written;
  }
  std::string lines;
  for (const std::string& variable : start.environment) lines.append(variable).push_back('\0');
  return WriteFile(step_folder + "/environment", lines);
}

std::vector<std::string> BegunSteps(const std::string& control_folder) {
  std::vector<std::string> steps;
  std::error_code error;
  for (fs::directory_iterator at(control_folder, error), end; !error && at != end; at.increment(error)) {
    if (StepNumber(at->path().filename()) >= 0 && Exists(at->path() / "shim.pid")) steps.push_back(at->path());
  }
  std::sort(steps.begin(), steps.end(), [](const std::string& a, const std::string& b) {
    return StepNumber(fs::path(a).filename()) < StepNumber(fs::path(b).filename());
  });
  return steps;
}

void RemoveEnvironments(const std::string& control_folder) {
  std::error_code error;
  for (fs::directory_iterator at(control_folder, error), end; !error && at != end; at.increment(error)) {
    if (StepNumber(at->path().filename()) >= 0) unlink((at->path() / "environment").c_str());
  }
}

absl::StatusOr<std::string> NewestStep(const std::string& control_folder) {
  std::vector<std::string> steps = BegunSteps(control_folder);
  if (steps.empty()) return absl::NotFoundError(absl::StrCat("no step was begun in ", control_folder));
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
    if (pair.first == "work") facts.work_folder = std::string(pair.second);
    if (pair.first == "cgroup") facts.cgroups.emplace_back(pair.second);
    if (pair.first != "command") continue;
    const auto command = CommandOf(core::ToStd(pair.second));
    if (!command.ok()) return command.status();
    facts.command = *command;
  }
  if (grace_ms < 0) return absl::DataLossError(absl::StrCat(step_folder, "/spec is not whole"));
  facts.cancel_grace = absl::Milliseconds(grace_ms);
  return facts;
}

absl::Status MoveControlFiles(const std::string& all_work, const std::string& all_control) {
  std::error_code error;
  for (fs::directory_iterator run(all_work, error), end; !error && run != end; run.increment(error)) {
    const std::string control = absl::StrCat(all_control, "/", run->path().filename().string());
    if (Exists(control) || run->symlink_status(error).type() != fs::file_type::directory) continue;
    const std::string making = control + ".moving";
    if (absl::Status status = MakeFolder(making); !status.ok()) return status;
    for (const std::string& step : BegunSteps(run->path())) {
      if (fs::symlink_status(step, error).type() != fs::file_type::directory) continue;
      const std::string to = absl::StrCat(making, "/", fs::path(step).filename().string());
      if (rename(step.c_str(), to.c_str()) != 0) return ErrnoStatus(step);
      if (absl::Status status = CleanControlFiles(to); !status.ok()) return status;
    }
    const fs::path prepared =
        fs::read_symlink(run->path() / ".terraform/providers", error);  // KEY/.terraform/providers
    absl::Status status = error ? absl::OkStatus() : Link(prepared.parent_path().parent_path(), making + "/prepared");
    // Whose it is, is written when the next step is launched.
    if (status.ok() && Exists(run->path() / ".laid-out")) status = WriteFile(making + "/laid-out", "");
    if (!status.ok()) return status;
    if (rename(making.c_str(), control.c_str()) != 0) return ErrnoStatus(control);
  }
  return absl::OkStatus();
}

}  // namespace stratus::provisioning::engine
