#include "services/provisioning/engine/prepared.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "lib/core/random.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/command_line.h"
#include "services/provisioning/engine/digest.h"
#include "services/provisioning/engine/engine.h"
#include "services/provisioning/engine/files.h"
#include "services/provisioning/engine/left_files.h"
#include "services/provisioning/engine/prepared_sweep.h"
#include "services/provisioning/engine/sandbox.h"

namespace stratus::provisioning::engine {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kInitMax = absl::Minutes(5);
constexpr absl::Duration kOthersInitMax = absl::Minutes(6);
constexpr size_t kMirrorFilesMax = 10000;
constexpr size_t kWordsMax = 4096;

// An override, because it takes the place of whatever backend the module itself may name.
constexpr std::string_view kBackendFile = "stratus_override.tf";
constexpr std::string_view kBackend = "terraform {\n  backend \"http\" {}\n}\n";

std::string FileFingerprint(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return absl::StrCat(path, " missing\n");
  return absl::StrCat(path, " ", info.st_size, " ", info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec, "\n");
}

absl::StatusOr<std::string> Fingerprint(const std::string& tofu, const std::string& mirror) {
  std::vector<std::string> parts = {FileFingerprint(tofu)};
  if (mirror.empty()) return parts[0];
  std::error_code error;
  const auto options = fs::directory_options::follow_directory_symlink;
  for (fs::recursive_directory_iterator at(mirror, options, error), end; !error && at != end; at.increment(error)) {
    if (at->is_regular_file(error)) parts.push_back(FileFingerprint(at->path()));
    if (parts.size() > kMirrorFilesMax) return absl::InvalidArgumentError(absl::StrCat(mirror, " has too many files"));
  }
  if (error) {
    return absl::InvalidArgumentError(absl::StrCat("the provider mirror ", mirror, ": ", error.message()));
  }
  std::sort(parts.begin(), parts.end());
  return absl::StrJoin(parts, "");
}

std::string CliConfig(const std::string& mirror) {
  return absl::StrCat("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = ",
                      HclString(mirror), "\n  }\n  direct {\n    exclude = [\"*/*/*\"]\n  }\n}\n");
}

// The engine's words without colours and box drawings, `what` in front.
absl::Status Refused(std::string_view what, std::string words) {
  words = absl::StrReplaceAll(words, {{"╷", ""}, {"│", ""}, {"╵", ""}});
  if (words.size() > kWordsMax) words.resize(kWordsMax);
  return core::Error(absl::StatusCode::kFailedPrecondition, absl::StrCat(core::ToAbsl(what), ": ", words));
}

// `main.tf:3: Unsupported argument: ...` of each error of `validate -json`, a line each.
std::string ValidationErrors(const std::string& text) {
  const nlohmann::json answer = nlohmann::json::parse(text, nullptr, false);
  if (!answer.is_object() || !answer.contains("diagnostics")) return text;
  std::string errors;
  for (const nlohmann::json& diagnostic : answer["diagnostics"]) {
    if (diagnostic.value("severity", "") != "error") continue;
    if (const auto range = diagnostic.find("range"); range != diagnostic.end() && range->is_object()) {
      absl::StrAppend(&errors, range->value("filename", ""), ":", (*range)["start"].value("line", 0), ": ");
    }
    absl::StrAppend(&errors, diagnostic.value("summary", ""), ": ", diagnostic.value("detail", ""), "\n");
  }
  return errors;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ProvidersIn(const std::string& prepared) {
  const fs::path root = fs::path(prepared) / ".terraform/providers";
  std::vector<std::string> providers;
  std::error_code error;
  if (!fs::exists(root, error)) return providers;
  // Of HOST/NAMESPACE/TYPE/VERSION/PLATFORM the first three; what lies deeper are links into the mirror.
  for (fs::recursive_directory_iterator at(root, error), end; !error && at != end; at.increment(error)) {
    if (at.depth() < 2) continue;
    at.disable_recursion_pending();
    providers.push_back(at->path().lexically_relative(root));
  }
  if (error) return absl::InternalError(absl::StrCat(root.string(), ": ", error.message()));
  std::sort(providers.begin(), providers.end());
  return providers;
}

PreparedFolders::PreparedFolders(std::string folder, std::string tofu, std::string mirror, std::string relay,
                                 Isolation isolation, std::string fingerprint, std::string cli_config)
    : folder_(std::move(folder)),
      tofu_(std::move(tofu)),
      mirror_(std::move(mirror)),
      relay_(std::move(relay)),
      isolation_(std::move(isolation)),
      fingerprint_(std::move(fingerprint)),
      cli_config_(std::move(cli_config)) {}

absl::StatusOr<std::unique_ptr<PreparedFolders>> PreparedFolders::Create(const std::string& folder,
                                                                         const std::string& tofu,
                                                                         const std::string& mirror,
                                                                         const std::string& relay,
                                                                         const Isolation& isolation) {
  auto fingerprint = Fingerprint(tofu, mirror);
  if (!fingerprint.ok()) return fingerprint.status();
  const std::string none = folder + "/no-providers";
  if (absl::Status status = MakeFolder(none); !status.ok()) return status;
  if (absl::Status status = ShareTree(none); !status.ok()) return status;
  const std::string text = CliConfig(mirror.empty() ? none : mirror);
  // Named by what it says: engines that are still running read the one that they were started with.
  const std::string path = absl::StrCat(folder, "/cli-", Sha256Hex(text).substr(0, 16), ".tfrc");
  const std::string temporary = absl::StrCat(path, ".", core::RandomHex(8));
  if (absl::Status status = WriteSharedFile(temporary, text); !status.ok()) return status;
  std::error_code error;
  fs::rename(temporary, path, error);
  if (error) return absl::InternalError(absl::StrCat(path, ": ", error.message()));
  return std::unique_ptr<PreparedFolders>(
      new PreparedFolders(folder, tofu, mirror, relay, isolation, *std::move(fingerprint), path));
}

std::string PreparedFolders::KeyOf(const ModuleEntry& module) const {
  return Sha256Hex(absl::StrCat(module.digest, "\n", fingerprint_));
}

absl::StatusOr<std::string> PreparedFolders::Prepare(const ModuleEntry& module) {
  const std::string key = KeyOf(module);
  const std::string target = absl::StrCat(folder_, "/", key);
  {
    core::MutexLock lock(mu_);
    // Another process, which does not serve this module, may have removed it.
    if (ready_.contains(key) && TouchPrepared(target)) return target;
  }
  const auto lock_file = LockFile(target + ".lock", kOthersInitMax);
  if (!lock_file.ok()) return lock_file.status();
  if (!TouchPrepared(target)) {
    if (absl::Status status = Make(module, target); !status.ok()) return status;
  }
  core::MutexLock lock(mu_);
  ready_.insert(key);
  return target;
}

void PreparedFolders::Sweep(const std::string& control_folders) {
  std::set<std::string> spared;
  {
    core::MutexLock lock(mu_);
    spared = ready_;
  }
  SweepPrepared(folder_, control_folders, spared, {}, absl::Now());
}

// Under a temporary name until all is well: what has the right name is whole.
absl::Status PreparedFolders::Make(const ModuleEntry& module, const std::string& target) {
  const std::string making = target + ".making";
  if (absl::Status status = RemoveFolder(making); !status.ok()) return status;
  absl::Status status = CopyModule(module.folder, making);
  if (status.ok()) status = WriteFile(absl::StrCat(making, "/", core::ToAbsl(kBackendFile)), kBackend);
  if (status.ok()) status = MakeFolder(making + "/tmp");
  if (status.ok() && isolation_.uids) status = GiveTree(making, isolation_.uids->last);
  if (status.ok()) status = Initialise(making);
  if (status.ok()) status = Validate(making);
  if (status.ok() && isolation_.uids) status = GiveTree(making, geteuid());
  if (status.ok() && isolation_.uids) status = ShareTree(making);
  if (!status.ok()) {
    RemoveFolder(making).IgnoreError();
    return status;
  }
  std::error_code error;
  fs::rename(making, target, error);
  if (error) return absl::InternalError(absl::StrCat(target, ": ", error.message()));
  return absl::OkStatus();
}

// init looks at the state, so it gets a backend that has none; the address is not kept.
absl::Status PreparedFolders::Initialise(const std::string& folder) {
  // Named so that the sweep finds what a dead process has left of it.
  const auto state = isolation_.tier == Tier::kStrict
                         ? NoState::ByDoor(fs::path(folder).replace_extension(".doors"), relay_)
                         : NoState::OnLoopback();
  if (!state.ok()) return state.status();
  std::vector<std::string> arguments = {"init", "-no-color", "-input=false"};
  std::error_code error;
  if (fs::exists(folder + "/.terraform.lock.hcl", error)) arguments.emplace_back("-lockfile=readonly");
  const auto ended = Run(folder, arguments, state->get());
  if (!ended.ok()) return ended.status();
  return ended->code == 0 ? absl::OkStatus() : Refused("the module does not initialise", ended->err);
}

absl::Status PreparedFolders::Validate(const std::string& folder) {
  const auto ended = Run(folder, {"validate", "-no-color", "-json"}, nullptr);
  if (!ended.ok()) return ended.status();
  if (ended->code == 0) return absl::OkStatus();
  return Refused("the module is not valid", ended->out.empty() ? ended->err : ValidationErrors(ended->out));
}

// The engine, in a sandbox of its own, with what a run may use. In the strict tier on a network of its own, with the
// backend that has no state: the module reader refuses what would run or fetch anything here, but is not relied on.
absl::StatusOr<Finished> PreparedFolders::Run(const std::string& folder, const std::vector<std::string>& arguments,
                                              const NoState* state) {
  std::vector<std::string> command = {tofu_};
  command.insert(command.end(), arguments.begin(), arguments.end());
  std::vector<std::string> environment = BaseEnvironment(folder, cli_config_);
  if (state != nullptr) environment.push_back("TF_HTTP_ADDRESS=" + state->address());
  const Limits limits;
  SandboxSpec spec = {.work_folder = folder,
                      .readable = {tofu_, mirror_, cli_config_, mirror_.empty() ? folder_ + "/no-providers" : ""},
                      .own_network = true,
                      .uid = isolation_.uids ? isolation_.uids->last : 0,
                      .processes = ProcessesMax(isolation_, limits.processes),
                      .memory_bytes = limits.memory_bytes,
                      .file_bytes = limits.file_bytes,
                      .open_files = limits.open_files,
                      .dies_with_parent = true};
  if (state != nullptr) state->AddTo(&spec);
  return RunProgram({.arguments = SandboxCommand(isolation_, spec, command),
                     .environment = environment,
                     .folder = folder,
                     .timeout = kInitMax});
}

}  // namespace stratus::provisioning::engine
