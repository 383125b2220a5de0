// What the ProvisioningService is told by flags and environment.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/provisioning/engine/catalog.h"
#include "services/provisioning/engine/engine.h"
#include "services/provisioning/service/api/settings.h"
#include "services/provisioning/service/credentials.h"
#include "services/provisioning/service/egress_rules.h"
#include "services/provisioning/service/key_command.h"
#include "services/provisioning/service/runtime/runtime_parts.h"
#include "services/provisioning/service/state_options.h"
#include "services/provisioning/store/store.h"

namespace CLI {
class App;
}

namespace stratus::telemetry {
class Tracer;
}

namespace stratus::provisioning {

// As given on the command line; what is empty is looked for (see ServiceOptionsFrom).
struct ServiceFlags {
  std::string data_dir = ".run/data";
  std::string modules_dir;
  std::string engine;
  std::string provider_mirror;
  std::string replica;
  std::string isolation;  // strict, basic, off; empty: strict, or in development the best that works here
  std::string isolation_uids = "70000-70999";
  std::string isolation_cgroup = "auto";
  int run_memory_mb = 2048;
  int run_disk_mb = 2048;
  int run_files = 100000;
  int run_output_mb = 64;
  int run_processes = 1024;
  int runs_max = 8;
  int runs_per_tenant_max = 4;
  int run_minutes_max = 120;
  int cancel_seconds_max = 300;
  bool stop_runs = false;
  std::string recovery = "on";
  std::vector<std::string> egress_allow;
  std::vector<std::string> egress_networks;
  std::string egress_rules;
  std::string server_credentials;              // empty: all in development, none in production
  std::vector<std::string> approval_minimums;  // TENANT=POLICY
  std::string audit_file;
  StateFlags state;
};

// --data-dir, --modules, --engine and the rest: the same for each program that has the service in it.
void AddServiceFlags(CLI::App* app, ServiceFlags* flags);

struct ServiceOptions {
  bool development = false;
  const telemetry::Tracer* tracer = nullptr;  // for runs; may be null; outlives the application
  bool stop_runs = false;  // Stop interrupts the engines; else they go on, and the next start takes them up
  store::Store::Options store;
  std::string key_file;                   // may be empty with a key command
  std::optional<KeyCommand> key_command;  // wraps; the file's keys unwrap what they have wrapped
  engine::Catalog::Options catalog;
  engine::Engine::Options engine;
  std::string finders_dir;
  service::Credentials::Options credentials;
  service::EgressRules::Options egress;
  service::RuntimeOptions runtime;
  service::ApiSettings api;
  std::string audit_file;                             // where the audit log is copied to; empty: nowhere
  std::optional<remote_state::Options> remote_state;  // nullopt: states are in the store alone
};

// Looks a variable up; nullopt when it is not set. An empty value counts as not set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

// Options from the flags and these variables:
//   DATABASE_URL                           postgresql://..., or sqlite:PATH; default: a file in the data folder
//   STRATUS_PROVISIONING_KEY_FILE          keys that seal states and secrets, one `ID:BASE64` of 32 bytes a line. In
//                                          development one is made in the data folder; in production it must be set
//   STRATUS_PROVISIONING_KEY_COMMAND, STRATUS_PROVISIONING_KEY_ID
//                                          a program that wraps data keys instead, by AWS KMS for example, and the key
//                                          that it is to use: see key_command.h
//   STRATUS_PROVISIONING_SECRETS_FILE      provider credentials of tenants: see credentials.h
//   AWS_*                                  with --state-backend=s3: see state_options.h
//   STRATUS_REPLICA                        this process's name among replicas, kept over restarts; default: the host's
//   DIGITALOCEAN_API_TOKEN, DIGITALOCEAN_API_URL
//   STRATUS_SANDBOX_URL                    in development, without DIGITALOCEAN_API_TOKEN: whose DigitalOcean is used;
//                                          in development runs reach it at that address
// What comes with the program (stratus-shim, stratus-relay, stratus-egress, stratus-hcl, modules, finders, OpenTofu,
// the provider mirror) is looked for beside it, then where ./dev puts it, then on PATH. Errors name the flag or
// variable, and what to do.
absl::StatusOr<ServiceOptions> ServiceOptionsFrom(const ServiceFlags& flags, const Environment& environment,
                                                  bool development);

}  // namespace stratus::provisioning
