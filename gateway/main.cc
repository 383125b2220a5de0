// stratus-gateway: a REST and gRPC door in front of gRPC services.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gateway/descriptor_watcher.h"
#include "gateway/gateway.h"
#include "gateway/settings.h"
#include "lib/auth/auth_metrics.h"
#include "lib/auth/environment.h"
#include "lib/auth/token_checks.h"
#include "lib/core/config_loader.h"
#include "lib/core/log.h"
#include "lib/core/ready_file.h"
#include "lib/core/status.h"
#include "lib/core/termination_signal.h"
#include "lib/telemetry/admin_server.h"
#include "lib/telemetry/metrics.h"
#include "lib/telemetry/readiness.h"
#include "lib/telemetry/tracing.h"

namespace {

using namespace stratus;

constexpr absl::Duration kTraceFlush = absl::Seconds(2);
constexpr absl::Duration kReflectionTimeout = absl::Seconds(30);

struct Flags {
  std::string listen = "127.0.0.1:8080";
  std::string admin_listen = "127.0.0.1:9090";
  std::vector<std::string> upstreams;
  std::vector<std::string> descriptors;
  bool reflection = false;
  int reflection_interval = 60;
  std::string config;
  std::string tls_cert;
  std::string tls_key;
  std::string auth = "cognito";
  std::string access_log = "stdout";
  std::string docs_dir;
  std::string title = "API";
  std::string token_url;
  std::string openapi_overlay;
  std::string ready_file;
  int threads = 0;
  int drain_seconds = 20;
  bool ignore_inbound_traces = false;
};

void AddFlags(CLI::App* app, Flags* flags) {
  app->add_option("--listen", flags->listen, "Where clients connect: HOST:PORT or unix:PATH")->capture_default_str();
  app->add_option("--upstream", flags->upstreams,
                  "[pkg.Service=]ADDRESS[,ADDRESS...], where an ADDRESS is HOST:PORT or unix:PATH; repeatable");
  app->add_option("--descriptors", flags->descriptors,
                  "A serialized FileDescriptorSet; repeatable; loaded again when it changes");
  app->add_flag("--reflection", flags->reflection, "Ask the upstreams for their descriptors");
  app->add_option("--reflection-interval", flags->reflection_interval,
                  "Seconds between two looks at the upstreams' descriptors; 0: only at start")
      ->check(CLI::Range(0, 86400))
      ->capture_default_str();
  app->add_option("--config", flags->config, "A YAML file: stratus.config.v1.Gateway");
  CLI::Option* cert = app->add_option("--tls-cert", flags->tls_cert, "PEM: clients have to speak TLS then");
  CLI::Option* key = app->add_option("--tls-key", flags->tls_key, "PEM: the key of --tls-cert");
  cert->needs(key);
  key->needs(cert);
  app->add_option("--auth", flags->auth, "Whose tokens are asked for")
      ->check(CLI::IsMember({"cognito", "off"}))
      ->capture_default_str();
  app->add_option("--threads", flags->threads, "Worker threads; 0: one a CPU")->check(CLI::Range(0, 256));
  app->add_option("--admin-listen", flags->admin_listen, "Health, readiness and metrics: HOST:PORT")
      ->capture_default_str();
  app->add_option("--access-log", flags->access_log, "One JSON line a call")
      ->check(CLI::IsMember({"stdout", "stderr", "off"}))
      ->capture_default_str();
  app->add_option("--docs-dir", flags->docs_dir, "Swagger UI's files; without it there is no /docs");
  app->add_option("--title", flags->title, "The API's name in /openapi.json")->capture_default_str();
  app->add_option("--token-url", flags->token_url, "The issuer's token endpoint, for /docs");
  app->add_option("--openapi-overlay", flags->openapi_overlay, "A JSON file that is merged into /openapi.json");
  app->add_option("--ready-file", flags->ready_file, "Where the bound addresses are written once ready");
  app->add_flag("--ignore-inbound-traces", flags->ignore_inbound_traces,
                "Begin a new trace for every call, whatever trace headers the client sends");
  app->add_option("--drain-seconds", flags->drain_seconds, "How long calls may take to end after SIGTERM")
      ->check(CLI::Range(0, 3600))
      ->capture_default_str();
}

absl::StatusOr<std::shared_ptr<auth::CognitoAuthenticator>> MakeAuthenticator(const Flags& flags) {
  if (flags.auth == "off") return nullptr;
  auto options = auth::OptionsFromEnvironment(auth::ProcessEnvironment());
  if (!options.ok()) return options.status();
  return auth::StartTokenChecks(*std::move(options));
}

absl::StatusOr<std::string> ReadText(const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  return text;
}

absl::StatusOr<gateway::GatewayOptions> MakeOptions(const Flags& flags) {
  gateway::GatewayOptions options;
  auto listen = core::ParseAddress(flags.listen);
  if (!listen.ok()) return listen.status();
  options.listen = *std::move(listen);
  options.threads =
      flags.threads > 0 ? flags.threads : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  if (!flags.config.empty()) {
    if (absl::Status status = core::LoadConfig(flags.config, {}, &options.config); !status.ok()) return status;
  }
  for (const std::string& upstream : flags.upstreams) {
    if (absl::Status status = gateway::AddUpstreamFlag(upstream, &options.config); !status.ok()) return status;
  }
  if (!flags.tls_cert.empty()) {
    options.config.mutable_tls()->set_cert_file(flags.tls_cert);
    options.config.mutable_tls()->set_key_file(flags.tls_key);
  }
  options.title = flags.title;
  options.docs_dir = flags.docs_dir;
  options.token_url = flags.token_url;
  auto overlay = ReadText(flags.openapi_overlay);
  if (!overlay.ok()) return overlay.status();
  options.openapi_overlay = *std::move(overlay);
  if (flags.access_log == "stdout") options.access_log_fd = STDOUT_FILENO;
  if (flags.access_log == "stderr") options.access_log_fd = STDERR_FILENO;
  return options;
}

absl::StatusOr<gateway::DescriptorSource> MakeSource(const Flags& flags, const config::v1::Gateway& config) {
  if (flags.descriptors.empty() && !flags.reflection) {
    return absl::InvalidArgumentError("--descriptors=FILE or --reflection is needed");
  }
  gateway::DescriptorSource source;
  source.files = flags.descriptors;
  if (!flags.reflection) return source;
  auto settings = gateway::SettingsFromConfig(config);
  if (!settings.ok()) return settings.status();
  source.reflected = std::move(settings->upstreams);
  return source;
}

absl::Status Run(const Flags& flags, core::TerminationSignal* termination) {
  auto admin_address = core::ParseAddress(flags.admin_listen);
  if (!admin_address.ok()) return admin_address.status();
  auto authenticator = MakeAuthenticator(flags);
  if (!authenticator.ok()) return authenticator.status();
  auto options = MakeOptions(flags);
  if (!options.ok()) return options.status();
  options->authenticator = *authenticator;
  const auto source = MakeSource(flags, options->config);
  if (!source.ok()) return source.status();
  auto descriptors = gateway::LoadDescriptors(*source, kReflectionTimeout);
  if (!descriptors.ok()) return descriptors.status();
  options->descriptors = *descriptors;
  // Outlives the gateway.
  const auto tracing = telemetry::Tracing::Start(telemetry::TracingOptionsFrom(auth::ProcessEnvironment()));
  options->tracing = {tracing->TracerFor("stratus-gateway"), flags.ignore_inbound_traces};
  auto gateway = gateway::Gateway::Start(*std::move(options));
  if (!gateway.ok()) return gateway.status();

  gateway::WatcherOptions watch;
  watch.source = *source;
  watch.reflection_interval = absl::Seconds(flags.reflection_interval);
  gateway::DescriptorWatcher watcher(std::move(watch), *descriptors,
                                     [&gateway](auto changed) { return (*gateway)->Reload(std::move(changed)); });

  telemetry::Metrics metrics;
  telemetry::Readiness readiness;
  const auto counted = metrics.AddSource([&](telemetry::Snapshot& out) {
    (*gateway)->WriteMetrics(out);
    watcher.WriteMetrics(out);
    tracing->WriteMetrics(out);
  });
  const auto checks = auth::Observe(*authenticator, &metrics, &readiness);
  auto admin = telemetry::AdminServer::Start(*admin_address, metrics, readiness);
  if (!admin.ok()) return admin.status();

  const std::string address = (*gateway)->address().ToString();
  core::Log(core::Severity::kInfo, "gateway ready", {{"address", address}, {"auth", flags.auth}});
  if (!flags.ready_file.empty()) {
    const absl::Status written =
        core::WriteReadyFile(flags.ready_file, {{"gateway", address}, {"admin", (*admin)->address()}});
    if (!written.ok()) return written;
  }
  termination->Wait();
  core::Log(core::Severity::kInfo, "gateway draining");
  readiness.SetDraining();
  watcher.Stop();
  (*gateway)->Drain(absl::Seconds(flags.drain_seconds));
  tracing->Shutdown(kTraceFlush);
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  core::TerminationSignal termination;  // before any thread starts
  Flags flags;
  CLI::App app("A REST and gRPC door in front of gRPC services");
  AddFlags(&app, &flags);
  CLI11_PARSE(app, argc, argv);
  if (absl::Status status = Run(flags, &termination); !status.ok()) {
    std::cerr << "stratus-gateway: " << core::ToStd(status.message()) << "\n";
    return 1;
  }
  return 0;
}
