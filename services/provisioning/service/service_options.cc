#include "services/provisioning/service/service_options.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::provisioning {
namespace {

namespace fs = std::filesystem;

constexpr int kStepsSpare = 8;  // adopted ones and recovery's, beside those of runs_max
// What the sandbox takes: its own kind of token, worth nothing anywhere else.
constexpr char kSandboxToken[] = "dop_v1_sandbox";

// The folder of the running program.
fs::path ProgramFolder() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path(".") : program.parent_path();
}

std::string FirstThatExists(const std::vector<fs::path>& paths) {
  std::error_code error;
  for (const fs::path& path : paths) {
    if (fs::exists(path, error)) return path.lexically_normal().string();
  }
  return "";
}

absl::Status Missing(std::string_view what, std::string_view remedy) {
  return absl::NotFoundError(absl::StrCat("cannot find ", core::ToAbsl(what), ": ", core::ToAbsl(remedy)));
}

std::string HostName() {
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) != 0) return "replica";
  std::string safe = absl::AsciiStrToLower(name);
  std::replace_if(
      safe.begin(), safe.end(), [](unsigned char c) { return !absl::ascii_isalnum(c) && c != '-' && c != '.'; }, '-');
  return safe.empty() ? "replica" : safe;
}

absl::Status FindPrograms(const ServiceFlags& flags, ServiceOptions* options) {
  const fs::path bin = ProgramFolder();
  const fs::path root = bin / "../..";  // of a build in ROOT/build/bin
  options->engine.shim = FirstThatExists({bin / "stratus-shim"});
  if (options->engine.shim.empty()) return Missing("stratus-shim", "it is built, and installed, beside this program");
  options->runtime.relay = FirstThatExists({bin / "stratus-relay"});
  options->engine.relay = options->runtime.relay;
  options->runtime.egress = FirstThatExists({bin / "stratus-egress"});
  options->catalog.hcl_reader =
      FirstThatExists({bin / "stratus-hcl", root / ".deps/bin/stratus-hcl", "/usr/local/bin/stratus-hcl"});
  if (options->catalog.hcl_reader.empty()) return Missing("stratus-hcl", "./dev setup builds it");
  absl::StatusOr<std::string> engine = engine::FindEngine(
      !flags.engine.empty() ? flags.engine : FirstThatExists({bin / "tofu", root / ".deps/bin/tofu"}));
  if (!engine.ok()) return engine.status();
  options->engine.tofu = *std::move(engine);
  options->engine.provider_mirror =
      !flags.provider_mirror.empty() ? flags.provider_mirror
                                     : FirstThatExists({bin / "../share/stratus/providers", root / ".deps/providers"});
  options->catalog.modules_dir =
      !flags.modules_dir.empty()
          ? flags.modules_dir
          : FirstThatExists({bin / "../share/stratus/modules", root / "services/provisioning/modules"});
  if (options->catalog.modules_dir.empty()) return Missing("the modules", "name their folder by --modules=DIR");
  options->finders_dir =
      FirstThatExists({bin / "../share/stratus/finders", root / "services/provisioning/engine/finders"});
  return absl::OkStatus();
}

absl::Status SetKeys(const Environment& environment, ServiceOptions* options) {
  options->key_file = environment("STRATUS_PROVISIONING_KEY_FILE").value_or("");
  if (const auto program = environment("STRATUS_PROVISIONING_KEY_COMMAND")) {
    options->key_command.emplace();
    options->key_command->program = *program;
    options->key_command->key = environment("STRATUS_PROVISIONING_KEY_ID").value_or("");
    if (!options->key_command->key.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        "STRATUS_PROVISIONING_KEY_ID is not set: STRATUS_PROVISIONING_KEY_COMMAND has to be told which key to use");
  }
  if (!options->key_file.empty()) return absl::OkStatus();
  if (!options->development) {
    return absl::FailedPreconditionError(
        "STRATUS_PROVISIONING_KEY_FILE is not set: states and secrets are sealed with the keys in it, and whoever "
        "loses "
        "them loses the states. Make one with: install -m 600 <(echo \"1:$(openssl rand -base64 32)\") KEYS");
  }
  options->key_file = options->runtime.data_dir + "/keys";
  return absl::OkStatus();
}

// What runs may reach. The address of the sandbox is theirs in development alone.
void SetEgress(const ServiceFlags& flags, const Environment& environment, ServiceOptions* options) {
  options->egress.allow = flags.egress_allow;
  options->egress.networks = flags.egress_networks;
  options->egress.file = flags.egress_rules;
  if (options->development) options->egress.sandbox_url = environment("STRATUS_SANDBOX_URL").value_or("");
  constexpr std::string_view kAddress = "DIGITALOCEAN_API_URL";
  const auto& global = options->credentials.global;
  if (const auto at = global.find(kAddress); at != global.end()) options->egress.api_addresses.emplace(*at);
}

absl::Status SetCredentials(const ServiceFlags& flags, const Environment& environment, ServiceOptions* options) {
  options->credentials.secrets_file = environment("STRATUS_PROVISIONING_SECRETS_FILE").value_or("");
  const bool sandboxed =
      options->development && !environment("DIGITALOCEAN_API_TOKEN") && environment("STRATUS_SANDBOX_URL").has_value();
  options->credentials.global = service::GlobalFromEnvironment([&](std::string_view name) -> std::string {
    if (sandboxed && name == "DIGITALOCEAN_API_TOKEN") return kSandboxToken;
    if (sandboxed && name == "DIGITALOCEAN_API_URL") return *environment("STRATUS_SANDBOX_URL");
    return environment(name).value_or("");
  });
  options->credentials.server_use = service::DefaultServerCredentialUse(options->development);
  if (flags.server_credentials.empty()) return absl::OkStatus();
  auto use = service::ParseServerCredentialUse(flags.server_credentials);
  if (!use.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--server-credentials=", flags.server_credentials, ": ", use.status().message()));
  }
  options->credentials.server_use = *std::move(use);
  return absl::OkStatus();
}

void AddIsolationFlags(CLI::App* app, ServiceFlags* flags) {
  app->add_option("--isolation", flags->isolation,
                  "How runs are kept from everything else: strict, basic or off (docs/how-to/security-of-runs.md); "
                  "default: strict, and in development the best that works here")
      ->check(CLI::IsMember({"strict", "basic", "off"}));
  app->add_option("--isolation-uids", flags->isolation_uids,
                  "The uids that runs get, one each, when this is started by root")
      ->capture_default_str();
  app->add_option("--isolation-cgroup", flags->isolation_cgroup,
                  "Where runs get cgroups: auto (below this program's own, where it may), off, or a delegated folder")
      ->capture_default_str();
  const auto limit = [app](const char* name, int* value, int min, const char* what) {
    app->add_option(name, *value, what)->check(CLI::Range(min, 1 << 30))->capture_default_str();
  };
  limit("--run-memory-mb", &flags->run_memory_mb, 64, "Memory that a run may write to, in MiB");
  limit("--run-disk-mb", &flags->run_disk_mb, 1, "Room that a run may take on the disk, in MiB");
  limit("--run-files", &flags->run_files, 100, "Files that a run may make");
  limit("--run-output-mb", &flags->run_output_mb, 1, "What a step of the engine may print, in MiB");
  limit("--run-processes", &flags->run_processes, 64, "Processes of a run, threads counted");
}

absl::Status SetIsolation(const ServiceFlags& flags, ServiceOptions* options) {
  if (!flags.isolation.empty()) {
    const auto tier = engine::TierOf(flags.isolation);
    if (!tier.ok()) return tier.status();
    options->engine.isolation.wanted = *tier;
  } else {
    options->engine.isolation.wanted = engine::Tier::kStrict;
    options->engine.isolation.may_fall_back = options->development;
  }
  options->engine.isolation.uids = flags.isolation_uids;
  options->engine.cgroup = flags.isolation_cgroup;
  engine::Limits& limits = options->runtime.limits;
  limits.memory_bytes = int64_t{flags.run_memory_mb} << 20;
  limits.disk_bytes = int64_t{flags.run_disk_mb} << 20;
  limits.file_bytes = std::min(limits.file_bytes, limits.disk_bytes);
  limits.files_max = flags.run_files;
  limits.output_bytes = int64_t{flags.run_output_mb} << 20;
  limits.processes = flags.run_processes;
  return absl::OkStatus();
}

}  // namespace

void AddServiceFlags(CLI::App* app, ServiceFlags* flags) {
  app->add_option("--data-dir", flags->data_dir, "Work folders of runs, the embedded database, secrets of its own")
      ->capture_default_str();
  app->add_option("--modules", flags->modules_dir, "The folder of modules; default: those that come with the program");
  app->add_option("--engine", flags->engine, "tofu or terraform; default: tofu beside the program, then on PATH");
  app->add_option("--provider-mirror", flags->provider_mirror,
                  "A filesystem mirror of providers: the list of those that modules may use");
  app->add_option(
      "--replica", flags->replica,
      "This process's name among replicas, kept over restarts; default: STRATUS_REPLICA, or the host's name");
  AddIsolationFlags(app, flags);
  app->add_option("--runs-max", flags->runs_max, "Runs at once, of this process")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app->add_option("--runs-per-tenant-max", flags->runs_per_tenant_max, "Runs at once of a tenant, over all replicas")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app->add_option("--cancel-seconds-max", flags->cancel_seconds_max,
                  "How long a step that was asked to end may take before it is killed")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  app->add_option("--run-minutes-max", flags->run_minutes_max, "How long a step of the engine may take")
      ->check(CLI::Range(1, 24 * 60))
      ->capture_default_str();
  app->add_flag("--stop-runs", flags->stop_runs,
                "Interrupt the engines at SIGTERM; without it they go on, and the next start takes them up");
  app->add_option("--egress-allow", flags->egress_allow,
                  "A host that runs may reach beside the providers' whose credentials they hold: HOST, HOST:PORT, "
                  "*.HOST or *; may be repeated");
  app->add_option("--egress-network", flags->egress_networks,
                  "A private network that such hosts may resolve to: 10.20.0.0/16; may be repeated");
  app->add_option("--egress-rules", flags->egress_rules,
                  "A YAML file of hosts and networks by module and by tenant: docs/how-to/egress.md");
  app->add_option(
      "--server-credentials", flags->server_credentials,
      "Whose runs may use the server's own provider credentials: all, none, or tenants with commas between; "
      "default: all in development, none in production");
  app->add_option(
      "--approval-minimum", flags->approval_minimums,
      "TENANT=POLICY, repeatable: AUTO, MANUAL_ON_DESTROY or MANUAL, which no stack of the tenant goes below; "
      "`*` is every tenant");
  app->add_option(
      "--audit-file", flags->audit_file,
      "Where the audit log is copied to, a line a record, each synced to the disk; it may be renamed at any "
      "time. stratus-audit verify reads it");
  AddStateFlags(app, &flags->state);
  // For tests, which show by it what recovery is for.
  app->add_option("--recovery", flags->recovery)->check(CLI::IsMember({"on", "off"}))->group("");
}

absl::StatusOr<ServiceOptions> ServiceOptionsFrom(const ServiceFlags& flags, const Environment& environment,
                                                  bool development) {
  ServiceOptions options;
  options.development = development;
  options.stop_runs = flags.stop_runs;
  std::error_code error;
  options.runtime.data_dir = fs::absolute(flags.data_dir, error).lexically_normal().string();
  if (error) return absl::InvalidArgumentError(absl::StrCat("--data-dir=", flags.data_dir, ": ", error.message()));
  options.store.replica = !flags.replica.empty() ? flags.replica : environment("STRATUS_REPLICA").value_or(HostName());
  if (options.store.replica.find('/') != std::string::npos) {
    return absl::InvalidArgumentError("a replica's name has no slash in it");
  }
  options.store.database_url =
      environment("DATABASE_URL").value_or(absl::StrCat("sqlite:", options.runtime.data_dir, "/provisioning.db"));
  options.runtime.limits.wall_time = absl::Minutes(flags.run_minutes_max);
  options.runtime.limits.cancel_grace = absl::Seconds(flags.cancel_seconds_max);
  options.runtime.runs_max = flags.runs_max;
  options.runtime.runs_per_tenant_max = flags.runs_per_tenant_max;
  options.runtime.recovery = flags.recovery == "on";
  options.api.quota.concurrent_runs_max = flags.runs_per_tenant_max;
  for (const std::string& minimum : flags.approval_minimums) {
    const absl::Status added = options.runtime.approval.Add(minimum);
    if (!added.ok()) return absl::InvalidArgumentError(absl::StrCat("--approval-minimum: ", added.message()));
  }
  options.api.approval = options.runtime.approval;
  options.audit_file = flags.audit_file;
  options.engine.data_dir = options.runtime.data_dir;
  options.engine.steps_max = flags.runs_max + kStepsSpare;
  if (absl::Status status = SetIsolation(flags, &options); !status.ok()) return status;
  if (absl::Status status = FindPrograms(flags, &options); !status.ok()) return status;
  if (absl::Status status = SetKeys(environment, &options); !status.ok()) return status;
  if (absl::Status status = SetCredentials(flags, environment, &options); !status.ok()) return status;
  SetEgress(flags, environment, &options);
  auto remote_state = StateOptionsFrom(flags.state, environment, development);
  if (!remote_state.ok()) return remote_state.status();
  options.remote_state = *std::move(remote_state);
  return options;
}

}  // namespace stratus::provisioning
