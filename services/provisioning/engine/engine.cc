#include "services/provisioning/engine/engine.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <set>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "lib/core/clock.h"
#include "lib/core/mutex.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/cgroups.h"
#include "services/provisioning/engine/command_line.h"
#include "services/provisioning/engine/files.h"
#include "services/provisioning/engine/left_files.h"
#include "services/provisioning/engine/prepared.h"
#include "services/provisioning/engine/process.h"
#include "services/provisioning/engine/sandbox.h"
#include "services/provisioning/engine/secret_values.h"
#include "services/provisioning/engine/spawn.h"
#include "services/provisioning/engine/step_watch.h"
#include "services/provisioning/engine/workspace.h"

namespace stratus::provisioning::engine {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kLaunchMax = absl::Seconds(10);
constexpr absl::Duration kKillBySupervisorMax = absl::Seconds(2);
constexpr absl::Duration kKillMax = absl::Seconds(20);
constexpr size_t kLeavingsBytesMax = size_t{256} << 20;
constexpr int kSandboxProcesses = 8;  // bubblewrap's own, which the run does not know of
// The numbers under which the shim gets them.
constexpr int kReportFd = 3;
constexpr int kLockFd = 4;
constexpr char kDoors[] = "/doors";

// Names become paths and arguments.
bool IsPlainName(std::string_view name) {
  return !name.empty() && name.size() <= 63 && name[0] != '-' &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-'; });
}

// What the shim says on its pipe: `ok`, or why it did not begin.
absl::Status AwaitReport(int fd) {
  std::string report;
  const absl::Duration deadline = core::Clock::Real().Monotonic() + kLaunchMax;
  for (;;) {
    const absl::Duration left = deadline - core::Clock::Real().Monotonic();
    if (left <= absl::ZeroDuration()) return absl::DeadlineExceededError("the shim does not report");
    pollfd wait = {fd, POLLIN, 0};
    if (poll(&wait, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1) <= 0) continue;
    char buffer[512];
    const ssize_t got = read(fd, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    report.append(buffer, static_cast<size_t>(got));
    if (report == "ok") return absl::OkStatus();
  }
  return absl::InternalError(absl::StrCat("the shim did not begin: ", report.empty() ? "it died" : report));
}

class OpenTofu final : public Engine {
 public:
  OpenTofu(Options options, Isolation isolation, std::vector<CgroupParent> cgroups,
           std::unique_ptr<PreparedFolders> prepared)
      : options_(std::move(options)),
        isolation_(std::move(isolation)),
        cgroups_(std::move(cgroups)),
        prepared_(std::move(prepared)) {}

  const Isolation& isolation() const override { return isolation_; }
  absl::StatusOr<std::string> DoorsFolder(std::string_view run_uid) override;
  bool HasDoors(std::string_view run_uid) const override;
  absl::Status Prepare(const ModuleEntry& module) override { return prepared_->Prepare(module).status(); }
  absl::StatusOr<std::vector<std::string>> Providers(const ModuleEntry& module) override {
    const auto prepared = prepared_->Prepare(module);
    if (!prepared.ok()) return prepared.status();
    return ProvidersIn(*prepared);
  }
  absl::StatusOr<std::unique_ptr<Watch>> Launch(const Step& step) override;
  absl::StatusOr<std::unique_ptr<Watch>> Adopt(std::string_view run_uid) override;
  absl::Status KillAll(std::string_view run_uid) override;
  absl::StatusOr<Leavings> Collect(std::string_view run_uid) override;
  absl::Status Remove(std::string_view run_uid) override;
  std::vector<std::string> Folders() const override;
  void Tidy() override {
    ReapOrphans();
    prepared_->Sweep(options_.data_dir + "/control");
  }

 private:
  absl::StatusOr<RunFolders> FoldersOf(std::string_view run_uid) const;
  absl::StatusOr<std::unique_ptr<Watch>> LaunchCounted(const Step& step);
  absl::Status WriteFolders(const Step& step, const RunFolders& folders);
  absl::StatusOr<uid_t> UidOf(const RunFolders& folders) const;
  absl::StatusOr<StepStart> StartOf(const Step& step, const RunFolders& folders, const std::string& prepared,
                                    uid_t uid) const;
  SandboxSpec SandboxOf(const Step& step, const RunFolders& folders, const std::string& prepared, uid_t uid) const;
  absl::Status StartShim(const RunFolders& folders, const std::string& step_folder, const UniqueFd& launch_lock) const;
  absl::Status Reserve();
  void Release(const StepWatch* launched);
  void Count(const ProcessId& shim);

  const Options options_;
  const Isolation isolation_;
  const std::vector<CgroupParent> cgroups_;
  const std::unique_ptr<PreparedFolders> prepared_;

  core::Mutex mu_;
  int launching_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<ProcessId> running_ ABSL_GUARDED_BY(mu_);  // at most steps_max of those launched, and those adopted
};

absl::StatusOr<RunFolders> OpenTofu::FoldersOf(std::string_view run_uid) const {
  if (!IsPlainName(run_uid)) {
    return absl::InvalidArgumentError(absl::StrCat("`", core::ToAbsl(run_uid), "` is no run's uid"));
  }
  return RunFolders{.work = absl::StrCat(options_.data_dir, "/runs/", core::ToAbsl(run_uid)),
                    .control = absl::StrCat(options_.data_dir, "/control/", core::ToAbsl(run_uid))};
}

absl::StatusOr<std::string> OpenTofu::DoorsFolder(std::string_view run_uid) {
  const auto folders = FoldersOf(run_uid);
  if (!folders.ok()) return folders.status();
  const std::string doors = folders->control + kDoors;
  if (absl::Status status = MakeFolder(doors); !status.ok()) return status;
  // The run's uid passes it in its sandbox; outside, the folders above it let nobody by.
  if (chmod(doors.c_str(), 0711) != 0) return ErrnoStatus(doors);
  return doors;
}

bool OpenTofu::HasDoors(std::string_view run_uid) const {
  const auto folders = FoldersOf(run_uid);
  return folders.ok() && access((folders->control + kDoors).c_str(), F_OK) == 0;
}

absl::Status OpenTofu::Reserve() {
  core::MutexLock lock(mu_);
  std::erase_if(running_, [](const ProcessId& shim) { return !IsAlive(shim); });
  if (static_cast<int>(running_.size()) + launching_ >= options_.steps_max) {
    return absl::ResourceExhaustedError(absl::StrCat("all ", options_.steps_max, " steps are taken"));
  }
  ++launching_;
  return absl::OkStatus();
}

void OpenTofu::Release(const StepWatch* launched) {
  core::MutexLock lock(mu_);
  --launching_;
  if (launched != nullptr) running_.push_back(launched->shim());
}

void OpenTofu::Count(const ProcessId& shim) {
  core::MutexLock lock(mu_);
  const bool known = std::any_of(running_.begin(), running_.end(), [&](const ProcessId& other) {
    return other.pid == shim.pid && other.start_ticks == shim.start_ticks;
  });
  if (!known && IsAlive(shim)) running_.push_back(shim);
}

absl::StatusOr<std::unique_ptr<Watch>> OpenTofu::Launch(const Step& step) {
  if (step.module == nullptr || !IsPlainName(step.name)) {
    return absl::InvalidArgumentError(absl::StrCat("`", step.name, "` is no step"));
  }
  if (absl::Status status = CheckFreeSpace(options_.data_dir, options_.free_bytes_min); !status.ok()) return status;
  if (absl::Status status = Reserve(); !status.ok()) return status;
  auto watch = LaunchCounted(step);
  Release(watch.ok() ? static_cast<const StepWatch*>(watch->get()) : nullptr);
  return watch;
}

absl::StatusOr<std::unique_ptr<Watch>> OpenTofu::LaunchCounted(const Step& step) {
  const auto folders = FoldersOf(step.run_uid);
  if (!folders.ok()) return folders.status();
  // Before the work folder: one without it would be of an earlier release (MoveControlFiles).
  if (absl::Status status = MakeFolder(folders->control); !status.ok()) return status;
  const auto lock = LockFile(folders->control + "/launch.lock", kLaunchMax);
  if (!lock.ok()) return lock.status();
  RemoveEnvironments(folders->control);
  if (absl::Status status = MakeFolder(folders->work); !status.ok()) return status;
  const std::string step_folder = absl::StrCat(folders->control, "/", step.name);
  absl::Status status = WriteFolders(step, *folders);
  if (status.ok()) status = StartShim(*folders, step_folder, *lock);
  if (!status.ok()) {
    unlink((step_folder + "/environment").c_str());
    if (const auto facts = ReadStepFacts(step_folder); facts.ok()) RemoveCgroups(facts->cgroups);
    return status;
  }
  return StepWatch::Open(step_folder, Redactor(SecretValues(step)));
}

absl::Status OpenTofu::WriteFolders(const Step& step, const RunFolders& folders) {
  const auto prepared = prepared_->Prepare(*step.module);
  if (!prepared.ok()) return prepared.status();
  const auto uid = UidOf(folders);
  if (!uid.ok()) return uid.status();
  const auto start = StartOf(step, folders, *prepared, *uid);
  if (!start.ok()) return start.status();
  absl::Status status = LayOutRun(*prepared, folders, *uid);
  // Before the inputs: those of a step that was begun are left as they are.
  if (status.ok()) status = WriteStep(step, folders, *start);
  if (status.ok()) status = WriteInputs(step, folders, *uid);
  // Without a spec nobody knows of them. Those of a step that lives are in use, and stay.
  if (!status.ok()) RemoveCgroups(start->cgroups);
  return status;
}

absl::StatusOr<uid_t> OpenTofu::UidOf(const RunFolders& folders) const {
  if (!isolation_.uids) return 0;
  const auto lock = LockFile(options_.data_dir + "/uids.lock", kLaunchMax);
  if (!lock.ok()) return lock.status();
  return UidOfRun(*isolation_.uids, options_.data_dir + "/control", folders.control);
}

SandboxSpec OpenTofu::SandboxOf(const Step& step, const RunFolders& folders, const std::string& prepared,
                                uid_t uid) const {
  SandboxSpec spec;
  spec.work_folder = folders.work;
  spec.readable = {options_.tofu, options_.provider_mirror, prepared, prepared_->cli_config()};
  spec.binds = {{folders.control + "/passwd", "/etc/passwd"}, {folders.control + "/group", "/etc/group"}};
  spec.uid = uid;
  spec.processes = ProcessesMax(isolation_, step.limits.processes);
  spec.waits_for_go = true;
  if (isolation_.tier == Tier::kStrict) {
    spec.own_network = step.network.own;
    spec.binds.insert(spec.binds.end(), step.network.binds.begin(), step.network.binds.end());
    spec.command_prefix = step.network.command_prefix;
    if (step.network.own) spec.binds.push_back({folders.control + kDoors, step.network.doors_inside});
  }
  return spec;
}

absl::StatusOr<StepStart> OpenTofu::StartOf(const Step& step, const RunFolders& folders, const std::string& prepared,
                                            uid_t uid) const {
  auto engine = EngineArguments(step);
  if (!engine.ok()) return engine.status();
  engine->insert(engine->begin(), options_.tofu);
  auto environment = EngineEnvironment(step, folders.work, prepared_->cli_config());
  if (!environment.ok()) return environment.status();
  auto cgroups =
      MakeCgroups(cgroups_, absl::StrCat("stratus-", step.run_uid, "-", step.name),
                  {.memory_bytes = step.limits.memory_bytes, .processes = step.limits.processes + kSandboxProcesses});
  if (!cgroups.ok()) return cgroups.status();
  return StepStart{.arguments = SandboxCommand(isolation_, SandboxOf(step, folders, prepared, uid), *engine),
                   .environment = *std::move(environment),
                   .cgroups = *std::move(cgroups),
                   .doors_folder = folders.control + kDoors};
}

absl::Status OpenTofu::StartShim(const RunFolders& folders, const std::string& step_folder,
                                 const UniqueFd& launch_lock) const {
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return ErrnoStatus("pipe");
  const UniqueFd report_end(report[0]);
  UniqueFd report_write(report[1]);
  const auto pid = Spawn({.arguments = {options_.shim, step_folder},
                          .environment = {RunMarker(folders.work)},
                          .descriptors = {{report_write.get(), kReportFd}, {launch_lock.get(), kLockFd}}});
  if (!pid.ok()) return pid.status();
  report_write.Reset();
  const absl::Status began = AwaitReport(report_end.get());
  // The first process ends as soon as it has made the second; one that is stuck is not waited for.
  if (absl::IsDeadlineExceeded(began)) kill(*pid, SIGKILL);
  while (waitpid(*pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return began;
}

absl::StatusOr<std::unique_ptr<Watch>> OpenTofu::Adopt(std::string_view run_uid) {
  const auto folders = FoldersOf(run_uid);
  if (!folders.ok()) return folders.status();
  std::error_code error;
  if (!fs::exists(folders->control, error)) return absl::NotFoundError(absl::StrCat(folders->control, " is not there"));
  // A shim that a dead service started may be about to begin: it holds this until it has, or is dead.
  const auto lock = LockFile(folders->control + "/launch.lock", kLaunchMax);
  if (!lock.ok()) return lock.status();
  RemoveEnvironments(folders->control);
  const auto step_folder = NewestStep(folders->control);
  if (!step_folder.ok()) return step_folder.status();
  auto watch = StepWatch::Open(*step_folder, Redactor(SecretValuesOf(folders->control)));
  if (!watch.ok()) return watch.status();
  Count((*watch)->shim());
  return std::unique_ptr<Watch>(*std::move(watch));
}

absl::Status OpenTofu::KillAll(std::string_view run_uid) {
  const auto folders = FoldersOf(run_uid);
  if (!folders.ok()) return folders.status();
  std::vector<ProcessId> leaders;
  for (const std::string& step : BegunSteps(folders->control)) {
    for (const char* file : {"/engine.pid", "/sandbox.pid"}) {
      if (const auto leader = ReadPidFile(step + file); leader.ok()) leaders.push_back(*leader);
    }
    const auto shim = ReadPidFile(step + "/shim.pid");
    if (!shim.ok()) continue;
    leaders.push_back(*shim);
    // Its own way first, so that it can write down how the engine ended.
    const UniqueFd ended = OpenProcess(*shim);
    if (!ended || !SendSignal(*shim, SIGUSR1)) continue;
    pollfd wait = {ended.get(), POLLIN, 0};
    poll(&wait, 1, static_cast<int>(absl::ToInt64Milliseconds(kKillBySupervisorMax)));
  }
  return KillRunProcesses(folders->work, leaders, kKillMax);
}

// Empty when there is none. What is no regular file, the engine has not left.
absl::StatusOr<std::string> ReadLeaving(const UniqueFd& work, const std::string& name) {
  auto text = ReadLeft(work, name, kLeavingsBytesMax);
  if (absl::IsNotFound(text.status()) || absl::IsFailedPrecondition(text.status())) return "";
  return text;
}

absl::StatusOr<Leavings> OpenTofu::Collect(std::string_view run_uid) {
  const auto folders = FoldersOf(run_uid);
  if (!folders.ok()) return folders.status();
  const auto work = OpenFolder(folders->work);
  if (absl::IsNotFound(work.status())) return Leavings{};
  if (!work.ok()) return work.status();
  auto errored_state = ReadLeaving(*work, "errored.tfstate");
  if (!errored_state.ok()) return errored_state.status();
  auto plan = ReadLeaving(*work, "plan.bin");
  if (!plan.ok()) return plan.status();
  return Leavings{.errored_state = *std::move(errored_state), .plan = *std::move(plan)};
}

absl::Status OpenTofu::Remove(std::string_view run_uid) {
  const auto folders = FoldersOf(run_uid);
  if (!folders.ok()) return folders.status();
  for (const std::string& step : BegunSteps(folders->control)) {
    for (const char* file : {"/shim.pid", "/engine.pid", "/sandbox.pid"}) {
      const auto process = ReadPidFile(step + file);
      if (process.ok() && IsAlive(*process)) {
        return absl::FailedPreconditionError(absl::StrCat("run ", core::ToAbsl(run_uid), " still has processes"));
      }
    }
    if (const auto facts = ReadStepFacts(step); facts.ok()) RemoveCgroups(facts->cgroups);
  }
  // The control folder last: it has the run's uid, which is another's once it is gone.
  if (absl::Status status = RemoveFolder(folders->work); !status.ok()) return status;
  return RemoveFolder(folders->control);
}

std::vector<std::string> OpenTofu::Folders() const {
  std::set<std::string> runs;
  std::error_code error;
  for (const char* folder : {"/runs", "/control"}) {
    for (fs::directory_iterator at(options_.data_dir + folder, error), end; !error && at != end; at.increment(error)) {
      if (const std::string name = at->path().filename(); IsPlainName(name)) runs.insert(name);
    }
  }
  return {runs.begin(), runs.end()};
}

absl::StatusOr<std::string> AbsolutePath(const std::string& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error).lexically_normal();
  if (error) return absl::InvalidArgumentError(absl::StrCat(path, ": ", error.message()));
  return absolute.string();
}

absl::Status MakeAbsolute(Engine::Options* options) {
  for (std::string* path :
       {&options->tofu, &options->shim, &options->relay, &options->data_dir, &options->provider_mirror}) {
    if (path->empty()) continue;
    auto absolute = AbsolutePath(*path);
    if (!absolute.ok()) return absolute.status();
    *path = *std::move(absolute);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::Create(Options options) {
  if (absl::Status status = MakeAbsolute(&options); !status.ok()) return status;
  for (const std::string& program : {options.tofu, options.shim}) {
    if (access(program.c_str(), X_OK) != 0) return ErrnoStatus(program);
  }
  const std::string control = options.data_dir + "/control";
  for (const std::string& folder : {options.data_dir + "/runs", options.data_dir + "/sandbox", control}) {
    if (absl::Status status = MakeFolder(folder); !status.ok()) return status;
  }
  if (absl::Status status = MoveControlFiles(options.data_dir + "/runs", control); !status.ok()) return status;
  auto isolation = FindIsolation(options.isolation, options.shim, options.data_dir + "/sandbox");
  if (!isolation.ok()) return isolation.status();
  auto cgroups = FindCgroups(options.cgroup);
  if (!cgroups.ok()) return cgroups.status();
  auto prepared = PreparedFolders::Create(options.data_dir + "/prepared", options.tofu, options.provider_mirror,
                                          options.relay, *isolation);
  if (!prepared.ok()) return prepared.status();
  BecomeSubreaper();
  return std::make_unique<OpenTofu>(std::move(options), *std::move(isolation), *std::move(cgroups),
                                    *std::move(prepared));
}

}  // namespace stratus::provisioning::engine
