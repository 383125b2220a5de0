#include "services/provisioning/engine/sandbox.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/process.h"

namespace stratus::provisioning::engine {
namespace {

constexpr const char* kBubblewrap = "/usr/bin/bwrap";
constexpr absl::Duration kTryMax = absl::Seconds(5);

std::vector<std::string> SystemMounts() {
  std::vector<std::string> arguments = {"--unshare-ipc", "--unshare-uts", "--ro-bind", "/usr", "/usr"};
  for (const char* path : {"/bin", "/sbin", "/lib", "/lib64", "/etc/ssl", "/etc/ca-certificates", "/etc/resolv.conf",
                           "/etc/hosts", "/etc/nsswitch.conf", "/etc/passwd", "/etc/group", "/etc/localtime"}) {
    arguments.insert(arguments.end(), {"--ro-bind-try", path, path});
  }
  // The host's /proc: the shim looks for its session there, and process numbers stay what the service knows.
  arguments.insert(arguments.end(), {"--dev", "/dev", "--ro-bind", "/proc", "/proc", "--tmpfs", "/tmp"});
  return arguments;
}

}  // namespace

absl::StatusOr<std::string> FindSandbox(std::string_view mode) {
  if (mode == "off") return std::string();
  if (mode != "on" && mode != "auto") {
    return absl::InvalidArgumentError(absl::StrCat("sandbox `", core::ToAbsl(mode), "` is none of auto, on, off"));
  }
  std::string reason = "it is not installed";
  if (access(kBubblewrap, X_OK) == 0) {
    std::vector<std::string> arguments = SandboxPrefix(kBubblewrap, {.writable = "/tmp", .readable = {}});
    arguments.push_back("/usr/bin/true");
    const auto tried = RunProgram({.arguments = arguments, .environment = {}, .timeout = kTryMax});
    if (tried.ok() && tried->code == 0) return std::string(kBubblewrap);
    reason = tried.ok() ? tried->err : std::string(core::ToStd(tried.status().message()));
  }
  if (mode == "auto") return std::string();
  return absl::FailedPreconditionError(
      absl::StrCat("the sandbox is on, but ", kBubblewrap, " cannot be used: ", reason));
}

std::vector<std::string> SandboxPrefix(const std::string& bubblewrap, const SandboxPaths& paths) {
  std::vector<std::string> arguments = SystemMounts();
  arguments.insert(arguments.begin(), bubblewrap);
  for (const std::string& path : paths.readable) {
    if (!path.empty()) arguments.insert(arguments.end(), {"--ro-bind", path, path});
  }
  arguments.insert(arguments.end(), {"--bind", paths.writable, paths.writable, "--"});
  return arguments;
}

}  // namespace stratus::provisioning::engine
