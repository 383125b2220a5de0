#include "services/provisioning/engine/command_line.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/process.h"

namespace stratus::provisioning::engine {
namespace {

constexpr std::array<std::pair<Command, std::string_view>, 7> kNames = {{{Command::kApply, "apply"},
                                                                         {Command::kPlan, "plan"},
                                                                         {Command::kApplyPlan, "apply-plan"},
                                                                         {Command::kDestroy, "destroy"},
                                                                         {Command::kPlanDestroy, "plan-destroy"},
                                                                         {Command::kRefreshOnly, "refresh-only"},
                                                                         {Command::kShowPlan, "show-plan"}}};

// How a provider reaches its API from here, and nothing else of the service's own environment.
constexpr std::array<const char*, 2> kCertificates = {"SSL_CERT_FILE", "SSL_CERT_DIR"};
constexpr std::array<const char*, 6> kProxies = {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
                                                 "http_proxy", "https_proxy", "no_proxy"};
// What is on the run's own loopback.
constexpr std::string_view kOwnLoopback = "127.0.0.1,localhost";

// A Unix socket's address holds 108 bytes, of which a provider's socket takes some 25.
constexpr size_t kTemporaryFolderLengthMax = 80;

// Rides out a restart of the service: 20 attempts, one to five seconds apart.
constexpr std::array<const char*, 3> kBackendPatience = {"TF_HTTP_RETRY_MAX=20", "TF_HTTP_RETRY_WAIT_MIN=1",
                                                         "TF_HTTP_RETRY_WAIT_MAX=5"};

bool IsAddress(std::string_view text) {
  return !text.empty() && text.size() <= 4096 && absl::ascii_isalpha(static_cast<unsigned char>(text[0])) &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); });
}

absl::Status NoAddress(std::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat("`", core::ToAbsl(text.substr(0, 200)), "` is no resource address"));
}

bool IsReserved(std::string_view name) {
  return name == "PATH" || name == "HOME" || name == "TMPDIR" || name.starts_with("LD_") ||
         name.starts_with("STRATUS_") || name.starts_with("TF_HTTP_") || name.starts_with("TF_CLI_") ||
         name == "TF_DATA_DIR" || name == "TF_WORKSPACE";
}

bool IsVariableName(std::string_view name) {
  return !name.empty() && !absl::ascii_isdigit(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return c == '_' || absl::ascii_isalnum(static_cast<unsigned char>(c)); });
}

std::vector<std::string> CommandArguments(Command command) {
  switch (command) {
    case Command::kApply: return {"apply", "-auto-approve", "-json"};
    case Command::kPlan: return {"plan", "-out=plan.bin", "-json", "-detailed-exitcode"};
    case Command::kApplyPlan: return {"apply", "-json"};
    case Command::kDestroy: return {"apply", "-destroy", "-auto-approve", "-json"};
    case Command::kPlanDestroy: return {"plan", "-destroy", "-out=plan.bin", "-json", "-detailed-exitcode"};
    case Command::kRefreshOnly: return {"plan", "-refresh-only", "-json", "-detailed-exitcode"};
    case Command::kShowPlan: return {"show", "-json", "plan.bin"};
  }
  return {};
}

void Inherit(const char* name, std::vector<std::string>* environment) {
  if (const char* value = std::getenv(name); value != nullptr) environment->push_back(absl::StrCat(name, "=", value));
}

}  // namespace

std::string_view CommandName(Command command) {
  for (const auto& [value, name] : kNames) {
    if (value == command) return name;
  }
  return "";
}

absl::StatusOr<Command> CommandOf(std::string_view name) {
  for (const auto& [value, known] : kNames) {
    if (known == name) return value;
  }
  return absl::DataLossError(absl::StrCat("no command is named `", core::ToAbsl(name), "`"));
}

absl::StatusOr<std::vector<std::string>> EngineArguments(const Step& step) {
  std::vector<std::string> arguments = CommandArguments(step.command);
  if (step.command == Command::kShowPlan) return arguments;
  // The service grants the lock to the holder of the stack's lease: a wait means that its own last word is still on
  // the way.
  arguments.insert(arguments.end(), {"-input=false", "-lock-timeout=10s"});
  for (const std::string& target : step.targets) {
    if (!IsAddress(target)) return NoAddress(target);
    arguments.push_back("-target=" + target);
  }
  if (step.command == Command::kApplyPlan) arguments.push_back("plan.bin");
  return arguments;
}

std::vector<std::string> BaseEnvironment(const std::string& folder, const std::string& cli_config,
                                         const std::string& proxy) {
  const std::string temporary = folder + "/tmp";
  std::vector<std::string> environment = {
      "PATH=/usr/local/bin:/usr/bin:/bin",
      "LANG=C.UTF-8",
      "HOME=" + folder,
      "TMPDIR=" + (temporary.size() <= kTemporaryFolderLengthMax ? temporary : "/tmp"),
      "TF_CLI_CONFIG_FILE=" + cli_config,
      "TF_IN_AUTOMATION=1",
      "TF_INPUT=0",
      "CHECKPOINT_DISABLE=1"};
  for (const char* name : kCertificates) Inherit(name, &environment);
  for (const char* name : kProxies) {
    if (proxy.empty()) {
      Inherit(name, &environment);
    } else {
      const bool none = absl::EqualsIgnoreCase(name, "no_proxy");
      environment.push_back(absl::StrCat(name, "=", none ? core::ToAbsl(kOwnLoopback) : absl::string_view(proxy)));
    }
  }
  return environment;
}

absl::StatusOr<std::vector<std::string>> EngineEnvironment(const Step& step, const std::string& folder,
                                                           const std::string& cli_config) {
  std::vector<std::string> environment = BaseEnvironment(folder, cli_config, step.network.proxy);
  environment.push_back(RunMarker(folder));
  for (const char* name : {"TF_HTTP_ADDRESS=", "TF_HTTP_LOCK_ADDRESS=", "TF_HTTP_UNLOCK_ADDRESS="}) {
    environment.push_back(name + step.backend.address);
  }
  environment.push_back("TF_HTTP_USERNAME=" + step.backend.user);
  environment.push_back("TF_HTTP_PASSWORD=" + step.backend.password);
  environment.insert(environment.end(), kBackendPatience.begin(), kBackendPatience.end());
  // A run is short and its process small: collecting garbage as often as a server would takes a fifth of its time
  // (launch_bench.cc). Near the memory limit it is collected as often as it must be.
  environment.push_back("GOGC=400");
  if (step.limits.memory_bytes > 0) environment.push_back(absl::StrCat("GOMEMLIMIT=", step.limits.memory_bytes / 2));
  for (const auto& [name, value] : step.secrets) {
    if (!IsVariableName(name) || IsReserved(name) || value.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat("`", name, "` cannot be given to an engine"));
    }
    environment.push_back(absl::StrCat(name, "=", value));
  }
  return environment;
}

std::string HclString(std::string_view text) {
  std::string quoted = "\"";
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool interpolates = (c == '$' || c == '%') && i + 1 < text.size() && text[i + 1] == '{';
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      absl::StrAppend(&quoted, "\\u00", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    } else if (interpolates) {
      quoted += {c, c};
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

absl::StatusOr<std::string> ImportBlocks(const std::vector<Import>& imports) {
  std::string blocks;
  for (const Import& import : imports) {
    if (!IsAddress(import.address)) return NoAddress(import.address);
    absl::StrAppend(&blocks, "import {\n  to = ", import.address, "\n  id = ", HclString(import.id), "\n}\n");
  }
  return blocks;
}

}  // namespace stratus::provisioning::engine
