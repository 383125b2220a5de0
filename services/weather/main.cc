// stratus-weather: the WeatherService as a program of its own.
#include <pthread.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "lib/auth/cognito_authenticator.h"
#include "lib/auth/environment.h"
#include "lib/auth/http_key_source.h"
#include "lib/core/address.h"
#include "lib/core/log.h"
#include "lib/core/ready_file.h"
#include "lib/http_client/http_client.h"
#include "lib/http_server/http_server.h"
#include "lib/rpc/server.h"
#include "services/weather/service/admin.h"
#include "services/weather/service/application.h"

namespace stratus::weather {
namespace {

constexpr absl::Duration kDrainGrace = absl::Seconds(20);

struct Flags {
  std::string listen = "127.0.0.1:50051";
  std::string admin_listen = "127.0.0.1:9091";
  std::string ready_file;
  std::string profile = "production";
  std::string auth = "cognito";
};

// What a running program holds, ended in reverse.
struct Program {
  std::unique_ptr<http_client::Client> key_client;
  std::shared_ptr<auth::CognitoAuthenticator> authenticator;
  std::unique_ptr<Application> application;
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<http_server::Server> admin;
};

absl::Status MakeAuthenticator(const Flags& flags, Program* program) {
  if (flags.auth == "off") return absl::OkStatus();
  const bool development = flags.profile == "development";
  absl::StatusOr<auth::CognitoOptions> options =
      auth::OptionsFromEnvironment(auth::ProcessEnvironment(), /*allow_http=*/development);
  if (!options.ok()) return options.status();
  program->key_client = std::make_unique<http_client::Client>();
  auto keys = std::make_unique<auth::HttpKeySource>(program->key_client.get(), options->jwks_url);
  program->authenticator = std::make_shared<auth::CognitoAuthenticator>(*std::move(options), std::move(keys));
  return absl::OkStatus();
}

absl::Status StartServer(const Flags& flags, Program* program) {
  absl::StatusOr<core::Address> listen = core::ParseAddress(flags.listen);
  if (!listen.ok()) return listen.status();
  rpc::ServerOptions options;
  options.listen = {*listen};
  options.authenticator = program->authenticator;
  options.authentication_off = flags.auth == "off";
  program->application->AddTo(&options);
  absl::StatusOr<std::unique_ptr<rpc::Server>> server = rpc::Server::Start(std::move(options));
  if (!server.ok()) return server.status();
  program->server = *std::move(server);
  return absl::OkStatus();
}

absl::Status StartAdmin(const Flags& flags, const std::atomic<bool>* draining, Program* program) {
  absl::StatusOr<core::Address> listen = core::ParseAddress(flags.admin_listen);
  if (!listen.ok()) return listen.status();
  AdminHooks hooks;
  hooks.ready = [draining, authenticator = program->authenticator] {
    return !draining->load() && (authenticator == nullptr || authenticator->has_keys());
  };
  hooks.metrics = [application = program->application.get()] { return application->MetricsText(); };
  absl::StatusOr<std::unique_ptr<http_server::Server>> admin = http_server::Server::Start(*listen, AdminHandler(hooks));
  if (!admin.ok()) return admin.status();
  program->admin = *std::move(admin);
  return absl::OkStatus();
}

absl::Status Start(const Flags& flags, const std::atomic<bool>* draining, Program* program) {
  if (absl::Status status = MakeAuthenticator(flags, program); !status.ok()) return status;
  absl::StatusOr<ServiceOptions> options =
      ServiceOptionsFromEnvironment(auth::ProcessEnvironment(), flags.profile == "development");
  if (!options.ok()) return options.status();
  absl::StatusOr<std::unique_ptr<Application>> application = Application::Start(*std::move(options));
  if (!application.ok()) return application.status();
  program->application = *std::move(application);
  if (absl::Status status = StartServer(flags, program); !status.ok()) return status;
  if (absl::Status status = StartAdmin(flags, draining, program); !status.ok()) return status;
  if (flags.ready_file.empty()) return absl::OkStatus();
  return core::WriteReadyFile(
      flags.ready_file, {{"weather", program->server->addresses().front()}, {"admin", program->admin->address()}});
}

int Run(const Flags& flags) {
  // Blocked before any thread starts, so that only sigwait below takes them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  std::atomic<bool> draining{false};
  Program program;
  if (absl::Status status = Start(flags, &draining, &program); !status.ok()) {
    std::cerr << "stratus-weather: " << status.message() << "\n";
    return 1;
  }
  core::Log(core::Severity::kInfo, "weather service is ready",
            {{"listen", program.server->addresses().front()}, {"admin", program.admin->address()}});
  int signal_number = 0;
  sigwait(&signals, &signal_number);
  core::Log(core::Severity::kInfo, "weather service drains", {{"signal", signal_number}});
  draining = true;
  program.server->Drain(kDrainGrace);
  program.admin.reset();
  program.application->Stop();
  return 0;
}

}  // namespace
}  // namespace stratus::weather

int main(int argc, char** argv) {
  stratus::weather::Flags flags;
  CLI::App app{
      "The WeatherService over gRPC. The environment says which source and whose tokens: see "
      "services/weather/service/service_options.h and lib/auth/environment.h."};
  app.add_option("--listen", flags.listen, "HOST:PORT or unix:PATH; port 0 takes a free one")->capture_default_str();
  app.add_option("--admin-listen", flags.admin_listen, "Health, readiness and metrics")->capture_default_str();
  app.add_option("--ready-file", flags.ready_file, "Where to write the bound addresses once ready");
  app.add_option("--profile", flags.profile, "development or production")
      ->envname("STRATUS_PROFILE")
      ->check(CLI::IsMember({"development", "production"}))
      ->capture_default_str();
  app.add_option("--auth", flags.auth, "cognito, or off: every call is let in")
      ->check(CLI::IsMember({"cognito", "off"}))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return stratus::weather::Run(flags);
}
