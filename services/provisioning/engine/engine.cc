#include "services/provisioning/engine/engine.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "lib/core/clock.h"
#include "lib/core/mutex.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/command_line.h"
#include "services/provisioning/engine/files.h"
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
// The numbers under which the shim gets them.
constexpr int kReportFd = 3;
constexpr int kLockFd = 4;

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
  OpenTofu(Options options, std::unique_ptr<PreparedFolders> prepared, std::string bubblewrap)
      : options_(std::move(options)), prepared_(std::move(prepared)), bubblewrap_(std::move(bubblewrap)) {}

  absl::Status Prepare(const ModuleEntry& module) override { return prepared_->Prepare(module).status(); }
  absl::StatusOr<std::unique_ptr<Watch>> Launch(const Step& step) override;
  absl::StatusOr<std::unique_ptr<Watch>> Adopt(std::string_view run_uid) override;
  absl::Status KillAll(std::string_view run_uid) override;
  absl::StatusOr<Leavings> Collect(std::string_view run_uid) override;
  absl::Status Remove(std::string_view run_uid) override;
  std::vector<std::string> Folders() const override;
  void Tidy() override {
    ReapOrphans();
    prepared_->Sweep(options_.data_dir + "/runs");
  }

 private:
  absl::StatusOr<std::string> RunFolder(std::string_view run_uid) const;
  absl::StatusOr<std::unique_ptr<Watch>> LaunchCounted(const Step& step);
  absl::Status WriteFolder(const Step& step, const std::string& run_folder, const std::string& step_folder);
  absl::Status StartShim(const std::string& run_folder, const std::string& step_folder,
                         const UniqueFd& launch_lock) const;
  absl::Status Reserve();
  void Release(const StepWatch* launched);
  void Count(const ProcessId& shim);

  const Options options_;
  const std::unique_ptr<PreparedFolders> prepared_;
  const std::string bubblewrap_;  // empty: not used

  core::Mutex mu_;
  int launching_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<ProcessId> running_ ABSL_GUARDED_BY(mu_);  // at most steps_max of those launched, and those adopted
};

absl::StatusOr<std::string> OpenTofu::RunFolder(std::string_view run_uid) const {
  if (!IsPlainName(run_uid)) {
    return absl::InvalidArgumentError(absl::StrCat("`", core::ToAbsl(run_uid), "` is no run's uid"));
  }
  return absl::StrCat(options_.data_dir, "/runs/", core::ToAbsl(run_uid));
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
  const auto run_folder = RunFolder(step.run_uid);
  if (!run_folder.ok()) return run_folder.status();
  if (absl::Status status = MakeFolder(*run_folder); !status.ok()) return status;
  const auto lock = LockFile(*run_folder + "/launch.lock", kLaunchMax);
  if (!lock.ok()) return lock.status();
  const std::string step_folder = absl::StrCat(*run_folder, "/", step.name);
  absl::Status status = WriteFolder(step, *run_folder, step_folder);
  if (status.ok()) status = StartShim(*run_folder, step_folder, *lock);
  if (!status.ok()) {
    unlink((step_folder + "/environment").c_str());
    return status;
  }
  return StepWatch::Open(step_folder, Redactor(SecretValues(step)));
}

absl::Status OpenTofu::WriteFolder(const Step& step, const std::string& run_folder, const std::string& step_folder) {
  auto arguments = EngineArguments(step);
  if (!arguments.ok()) return arguments.status();
  arguments->insert(arguments->begin(), options_.tofu);
  const auto environment = EngineEnvironment(step, run_folder, prepared_->cli_config());
  if (!environment.ok()) return environment.status();
  const auto prepared = prepared_->Prepare(*step.module);
  if (!prepared.ok()) return prepared.status();
  if (absl::Status status = LayOutRun(*prepared, run_folder); !status.ok()) return status;
  // Before the inputs: those of a step that was begun are left as they are.
  if (absl::Status status = WriteStep(step, step_folder, run_folder, *arguments, *environment); !status.ok()) {
    return status;
  }
  return WriteInputs(step, run_folder);
}

absl::Status OpenTofu::StartShim(const std::string& run_folder, const std::string& step_folder,
                                 const UniqueFd& launch_lock) const {
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return ErrnoStatus("pipe");
  const UniqueFd report_end(report[0]);
  UniqueFd report_write(report[1]);
  std::vector<std::string> arguments = {options_.shim, step_folder};
  if (!bubblewrap_.empty()) {
    const SandboxPaths paths = {
        .writable = run_folder,
        .readable = {options_.tofu, options_.shim, options_.provider_mirror, options_.data_dir + "/prepared"}};
    std::vector<std::string> prefix = SandboxPrefix(bubblewrap_, paths);
    arguments.insert(arguments.begin(), prefix.begin(), prefix.end());
  }
  const auto pid = Spawn({.arguments = arguments,
                          .environment = {RunMarker(run_folder)},
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
  const auto run_folder = RunFolder(run_uid);
  if (!run_folder.ok()) return run_folder.status();
  std::error_code error;
  if (!fs::exists(*run_folder, error)) return absl::NotFoundError(absl::StrCat(*run_folder, " is not there"));
  // A shim that a dead service started may be about to begin: it holds this until it has, or is dead.
  const auto lock = LockFile(*run_folder + "/launch.lock", kLaunchMax);
  if (!lock.ok()) return lock.status();
  const auto step_folder = NewestStep(*run_folder);
  if (!step_folder.ok()) return step_folder.status();
  auto watch = StepWatch::Open(*step_folder, Redactor(SecretValuesOf(*run_folder)));
  if (!watch.ok()) return watch.status();
  Count((*watch)->shim());
  return std::unique_ptr<Watch>(*std::move(watch));
}

absl::Status OpenTofu::KillAll(std::string_view run_uid) {
  const auto run_folder = RunFolder(run_uid);
  if (!run_folder.ok()) return run_folder.status();
  std::vector<ProcessId> shims;
  for (const std::string& step : BegunSteps(*run_folder)) {
    const auto shim = ReadPidFile(step + "/shim.pid");
    if (!shim.ok()) continue;
    shims.push_back(*shim);
    // Its own way first, so that it can write down how the engine ended.
    const UniqueFd ended = OpenProcess(*shim);
    if (!ended || !SendSignal(*shim, SIGUSR1)) continue;
    pollfd wait = {ended.get(), POLLIN, 0};
    poll(&wait, 1, static_cast<int>(absl::ToInt64Milliseconds(kKillBySupervisorMax)));
  }
  return KillRunProcesses(*run_folder, shims, kKillMax);
}

absl::StatusOr<Leavings> OpenTofu::Collect(std::string_view run_uid) {
  const auto run_folder = RunFolder(run_uid);
  if (!run_folder.ok()) return run_folder.status();
  auto errored_state = ReadFile(*run_folder + "/errored.tfstate", kLeavingsBytesMax);
  if (!errored_state.ok() && !absl::IsNotFound(errored_state.status())) return errored_state.status();
  auto plan = ReadFile(*run_folder + "/plan.bin", kLeavingsBytesMax);
  if (!plan.ok() && !absl::IsNotFound(plan.status())) return plan.status();
  return Leavings{.errored_state = std::move(errored_state).value_or(""), .plan = std::move(plan).value_or("")};
}

absl::Status OpenTofu::Remove(std::string_view run_uid) {
  const auto run_folder = RunFolder(run_uid);
  if (!run_folder.ok()) return run_folder.status();
  for (const std::string& step : BegunSteps(*run_folder)) {
    for (const char* file : {"/shim.pid", "/engine.pid"}) {
      const auto process = ReadPidFile(step + file);
      if (process.ok() && IsAlive(*process)) {
        return absl::FailedPreconditionError(absl::StrCat("run ", core::ToAbsl(run_uid), " still has processes"));
      }
    }
  }
  return RemoveFolder(*run_folder);
}

std::vector<std::string> OpenTofu::Folders() const {
  std::vector<std::string> folders;
  std::error_code error;
  for (fs::directory_iterator at(options_.data_dir + "/runs", error), end; !error && at != end; at.increment(error)) {
    folders.push_back(at->path().filename());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

absl::StatusOr<std::string> AbsolutePath(const std::string& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error).lexically_normal();
  if (error) return absl::InvalidArgumentError(absl::StrCat(path, ": ", error.message()));
  return absolute.string();
}

absl::Status MakeAbsolute(Engine::Options* options) {
  for (std::string* path : {&options->tofu, &options->shim, &options->data_dir, &options->provider_mirror}) {
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
  if (absl::Status status = MakeFolder(options.data_dir + "/runs"); !status.ok()) return status;
  auto prepared = PreparedFolders::Create(options.data_dir + "/prepared", options.tofu, options.provider_mirror);
  if (!prepared.ok()) return prepared.status();
  auto bubblewrap = FindSandbox(options.sandbox);
  if (!bubblewrap.ok()) return bubblewrap.status();
  BecomeSubreaper();
  return std::make_unique<OpenTofu>(std::move(options), *std::move(prepared), *std::move(bubblewrap));
}

}  // namespace stratus::provisioning::engine
