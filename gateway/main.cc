// stratus-gateway: a REST and gRPC door in front of gRPC services.
#include <malloc.h>

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
#include "google/protobuf/util/json_util.h"
#include "lib/core/config_loader.h"
#include "lib/core/status.h"
#include "lib/core/termination_signal.h"
#include "lib/program/program.h"

namespace {

using namespace stratus;

constexpr absl::Duration kReflectionTimeout = absl::Seconds(30);

struct Flags {
  std::string listen = "127.0.0.1:8080";
  program::Flags program;
  std::vector<std::string> upstreams;
  std::vector<std::string> descriptors;
  bool reflection = false;
  int reflection_interval = 60;
  std::string config;
  std::string tls_cert;
  std::string tls_key;
  std::string auth = "cognito";
  std::string docs_dir;
  std::string title = "API";
  std::string token_url;
  std::string openapi_overlay;
  int threads = 0;
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
  app->add_option("--docs-dir", flags->docs_dir, "Swagger UI's files; without it there is no /docs");
  app->add_option("--title", flags->title, "The API's name in /openapi.json")->capture_default_str();
  app->add_option("--token-url", flags->token_url, "The issuer's token endpoint, for /docs");
  app->add_option("--openapi-overlay", flags->openapi_overlay, "A JSON file that is merged into /openapi.json");
  app->add_flag("--ignore-inbound-traces", flags->ignore_inbound_traces,
                "Begin a new trace for every call, whatever trace headers the client sends");
  program::AddFlags(app, &flags->program);
}

absl::StatusOr<std::string> ReadText(const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  return text;
}

int WorkersOf(const Flags& flags) {
  return flags.threads > 0 ? flags.threads : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

absl::StatusOr<gateway::GatewayOptions> MakeOptions(const Flags& flags) {
  gateway::GatewayOptions options;
  auto listen = core::ParseAddress(flags.listen);
  if (!listen.ok()) return listen.status();
  options.listen = *std::move(listen);
  options.threads = WorkersOf(flags);
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

absl::StatusOr<gateway::WatcherOptions> MakeWatcherOptions(const Flags& flags, const config::v1::Gateway& config) {
  auto source = MakeSource(flags, config);
  if (!source.ok()) return source.status();
  gateway::WatcherOptions watch;
  watch.source = *std::move(source);
  watch.reflection_interval = absl::Seconds(flags.reflection_interval);
  return watch;
}

// The message that configures the gateway has no field for a secret: files and addresses alone (config_test.cc).
void ShowConfig(const config::v1::Gateway& config, program::Program* program) {
  std::string json;
  if (google::protobuf::util::MessageToJsonString(config, &json).ok()) program->ShowConfig("gateway", std::move(json));
}

absl::Status Run(const Flags& flags, const CLI::App& app, core::TerminationSignal* termination) {
  // A heap a worker and one for the rest: the other threads have too little to do to be worth memory of their own.
  ::mallopt(M_ARENA_MAX, WorkersOf(flags) + 1);
  auto program = program::Program::Start({.name = "stratus-gateway", .app = &app, .flags = flags.program});
  if (!program.ok()) return program.status();
  auto authenticator = (*program)->StartTokenChecks(flags.auth, /*allow_http=*/false);
  if (!authenticator.ok()) return authenticator.status();
  auto options = MakeOptions(flags);
  if (!options.ok()) return options.status();
  ShowConfig(options->config, program->get());
  options->authenticator = *authenticator;
  options->call_log = (*program)->call_log();
  options->tracing = {(*program)->TracerFor("stratus-gateway"), flags.ignore_inbound_traces};
  auto watch = MakeWatcherOptions(flags, options->config);
  if (!watch.ok()) return watch.status();
  auto descriptors = gateway::LoadDescriptors(watch->source, kReflectionTimeout);
  if (!descriptors.ok()) return descriptors.status();
  options->descriptors = *descriptors;
  auto gateway = gateway::Gateway::Start(*std::move(options));
  if (!gateway.ok()) return gateway.status();
  gateway::DescriptorWatcher watcher(*std::move(watch), *descriptors,
                                     [&gateway](auto changed) { return (*gateway)->Reload(std::move(changed)); });
  descriptors = google::protobuf::FileDescriptorSet();  // gateway and watcher have their own
  (*program)->AddMetrics([&](telemetry::Snapshot& out) {
    (*gateway)->WriteMetrics(out);
    watcher.WriteMetrics(out);
  });
  if (absl::Status status = (*program)->Ready({{"gateway", (*gateway)->address().ToString()}}); !status.ok()) {
    return status;
  }
  ::malloc_trim(0);  // what only the start needed
  (*program)->AwaitEnd(termination, [&gateway] { (*gateway)->AnnounceDrain(); });
  watcher.Stop();
  (*gateway)->Drain((*program)->drain_time());
  (*program)->CloseAdmin();
  (*program)->Flush();
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  core::TerminationSignal termination;  // before any thread starts
  Flags flags;
  CLI::App app("A REST and gRPC door in front of gRPC services");
  AddFlags(&app, &flags);
  CLI11_PARSE(app, argc, argv);
  if (absl::Status status = Run(flags, app, &termination); !status.ok()) {
    std::cerr << "stratus-gateway: " << core::ToStd(status.message()) << "\n";
    return 1;
  }
  return 0;
}
