// stratus-weather: the WeatherService as a program of its own.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>

#include "lib/auth/auth_metrics.h"
#include "lib/auth/environment.h"
#include "lib/auth/token_checks.h"
#include "lib/core/address.h"
#include "lib/core/log.h"
#include "lib/core/ready_file.h"
#include "lib/core/status.h"
#include "lib/core/termination_signal.h"
#include "lib/rpc/call_metrics.h"
#include "lib/rpc/server.h"
#include "lib/telemetry/admin_server.h"
#include "lib/telemetry/metrics.h"
#include "lib/telemetry/readiness.h"
#include "lib/telemetry/tracing.h"
#include "services/weather/service/application.h"

namespace {

using namespace stratus;

constexpr absl::Duration kTraceFlush = absl::Seconds(2);

struct Flags {
  std::string listen = "127.0.0.1:50051";
  std::string admin_listen = "127.0.0.1:9091";
  std::string ready_file;
  std::string profile = "production";
  std::string auth = "cognito";
  int drain_seconds = 20;
};

void AddFlags(CLI::App* app, Flags* flags) {
  app->add_option("--listen", flags->listen, "HOST:PORT or unix:PATH; port 0 takes a free one")->capture_default_str();
  app->add_option("--admin-listen", flags->admin_listen, "Health, readiness and metrics")->capture_default_str();
  app->add_option("--ready-file", flags->ready_file, "Where to write the bound addresses once ready");
  app->add_option("--profile", flags->profile, "development or production")
      ->envname("STRATUS_PROFILE")
      ->check(CLI::IsMember({"development", "production"}))
      ->capture_default_str();
  app->add_option("--auth", flags->auth, "cognito, or off: every call is let in")
      ->check(CLI::IsMember({"cognito", "off"}))
      ->capture_default_str();
  app->add_option("--drain-seconds", flags->drain_seconds, "How long calls may take to end after SIGTERM")
      ->check(CLI::Range(0, 3600))
      ->capture_default_str();
}

absl::StatusOr<std::shared_ptr<auth::CognitoAuthenticator>> MakeAuthenticator(const Flags& flags) {
  if (flags.auth == "off") return nullptr;
  auto options =
      auth::OptionsFromEnvironment(auth::ProcessEnvironment(), /*allow_http=*/flags.profile == "development");
  if (!options.ok()) return options.status();
  return auth::StartTokenChecks(*std::move(options));
}

absl::StatusOr<std::unique_ptr<weather::Application>> StartApplication(const Flags& flags) {
  auto options = weather::ServiceOptionsFromEnvironment(auth::ProcessEnvironment(), flags.profile == "development");
  if (!options.ok()) return options.status();
  return weather::Application::Start(*std::move(options));
}

absl::Status Run(const Flags& flags, core::TerminationSignal* termination) {
  auto listen = core::ParseAddress(flags.listen);
  if (!listen.ok()) return listen.status();
  auto admin_listen = core::ParseAddress(flags.admin_listen);
  if (!admin_listen.ok()) return admin_listen.status();
  auto authenticator = MakeAuthenticator(flags);
  if (!authenticator.ok()) return authenticator.status();
  // Outlives whatever has spans.
  const auto tracing = telemetry::Tracing::Start(telemetry::TracingOptionsFrom(auth::ProcessEnvironment()));
  auto application = StartApplication(flags);
  if (!application.ok()) return application.status();

  telemetry::Metrics metrics;
  telemetry::Readiness readiness;
  rpc::CallMetrics call_metrics(metrics);
  rpc::ServerOptions options;
  options.listen = {*listen};
  options.authenticator = *authenticator;
  options.authentication_off = flags.auth == "off";
  options.observer = &call_metrics;
  options.tracer = tracing->TracerFor("stratus-weather");
  (*application)->AddTo(&options);
  auto server = rpc::Server::Start(std::move(options));
  if (!server.ok()) return server.status();

  const auto counted = metrics.AddSource([&](telemetry::Snapshot& out) {
    (*application)->WriteMetrics(out);
    tracing->WriteMetrics(out);
  });
  const auto checks = auth::Observe(*authenticator, &metrics, &readiness);
  auto admin = telemetry::AdminServer::Start(*admin_listen, metrics, readiness);
  if (!admin.ok()) return admin.status();
  const std::string& address = (*server)->addresses().front();
  core::Log(core::Severity::kInfo, "weather service is ready", {{"listen", address}, {"admin", (*admin)->address()}});
  if (!flags.ready_file.empty()) {
    const absl::Status written =
        core::WriteReadyFile(flags.ready_file, {{"weather", address}, {"admin", (*admin)->address()}});
    if (!written.ok()) return written;
  }
  termination->Wait();
  core::Log(core::Severity::kInfo, "weather service drains");
  readiness.SetDraining();
  (*server)->Drain(absl::Seconds(flags.drain_seconds));
  (*application)->Stop();
  tracing->Shutdown(kTraceFlush);
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  core::TerminationSignal termination;  // before any thread starts
  Flags flags;
  CLI::App app{
      "The WeatherService over gRPC. The environment says which source and whose tokens: see "
      "services/weather/service/service_options.h and lib/auth/environment.h."};
  AddFlags(&app, &flags);
  CLI11_PARSE(app, argc, argv);
  if (absl::Status status = Run(flags, &termination); !status.ok()) {
    std::cerr << "stratus-weather: " << core::ToStd(status.message()) << "\n";
    return 1;
  }
  return 0;
}
