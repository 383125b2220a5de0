#include "services/all_in_one/platform.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "gateway/gateway.h"
#include "gateway/proxy/method_table.h"
#include "google/protobuf/util/json_util.h"
#include "lib/auth/environment.h"
#include "lib/core/address.h"
#include "lib/core/config_loader.h"
#include "lib/core/status.h"
#include "lib/program/program.h"
#include "lib/rpc/call_logger.h"
#include "lib/rpc/call_metrics.h"
#include "lib/rpc/server.h"
#include "services/all_in_one/private_folder.h"
#include "services/provisioning/service/application.h"
#include "services/sandbox/sandbox.h"
#include "services/weather/service/application.h"

namespace stratus::all_in_one {
// In the order in which they start; destroyed from the last one up.
struct Platform::Parts {
  Flags flags;
  bool development = false;
  PrivateFolder sockets;
  const CLI::App* app = nullptr;  // while starting
  std::unique_ptr<sandbox::Sandbox> sandbox;
  std::unique_ptr<program::Program> program;
  std::unique_ptr<rpc::CallMetrics> call_metrics;
  std::vector<std::unique_ptr<rpc::CallLogger>> observers;
  std::shared_ptr<auth::CognitoAuthenticator> authenticator;
  std::unique_ptr<weather::Application> weather;
  std::unique_ptr<rpc::Server> weather_server;
  std::unique_ptr<provisioning::Application> provisioning;
  std::unique_ptr<rpc::Server> provisioning_server;
  std::unique_ptr<gateway::Gateway> gateway;

  absl::Status StartSandbox();
  absl::Status StartProgram();
  absl::Status StartAuthenticator();
  absl::Status StartWeather();
  absl::Status StartProvisioning();
  absl::StatusOr<std::unique_ptr<rpc::Server>> Serve(std::string_view name, const std::string& listen,
                                                     rpc::ServerOptions server);
  absl::Status AddUpstreams(config::v1::Gateway* config) const;
  absl::Status StartGateway();
  absl::Status GetReady();

  // The process's environment, with the sandbox's addresses for what is not set.
  auth::Environment Environment() const;
};

auth::Environment Platform::Parts::Environment() const {
  auth::Environment process = auth::ProcessEnvironment();
  if (sandbox == nullptr) return process;
  return [process, base = sandbox->base_url(), xray = sandbox->xray_address()](std::string_view name) {
    std::optional<std::string> value = process(name);
    if (!value.has_value() && name == "STRATUS_SANDBOX_URL") value = base;
    if (!value.has_value() && name == "AWS_XRAY_DAEMON_ADDRESS") value = xray;
    return value;
  };
}

absl::Status Platform::Parts::StartSandbox() {
  if (!development) return absl::OkStatus();
  absl::StatusOr<core::Address> listen = core::ParseAddress(flags.sandbox_listen);
  if (!listen.ok()) return listen.status();
  sandbox::Options options;
  options.listen = *std::move(listen);
  options.profile = flags.profile;
  // A named issuer is used in any profile: then there is nothing for the sandbox to issue.
  options.issues_tokens = !auth::NamesAnIssuer(auth::ProcessEnvironment());
  absl::StatusOr<std::unique_ptr<sandbox::Sandbox>> started = sandbox::Sandbox::Start(std::move(options));
  if (!started.ok()) return started.status();
  sandbox = *std::move(started);
  return absl::OkStatus();
}

absl::Status Platform::Parts::StartProgram() {
  absl::StatusOr<std::unique_ptr<program::Program>> started =
      program::Program::Start({.name = "stratusd", .app = app, .flags = flags.program, .environment = Environment()});
  if (!started.ok()) return started.status();
  program = *std::move(started);
  call_metrics = std::make_unique<rpc::CallMetrics>(program->metrics());
  return absl::OkStatus();
}

absl::Status Platform::Parts::StartAuthenticator() {
  if (sandbox != nullptr && !sandbox->issuer_url().empty()) {
    auth::CognitoOptions options;
    options.issuers = {
        {.issuer = sandbox->issuer_url(), .jwks_url = absl::StrCat(sandbox->issuer_url(), "/.well-known/jwks.json")}};
    options.any_client = true;  // the sandbox registers whoever asks
    authenticator = program->StartTokenChecks(std::move(options));
    return absl::OkStatus();
  }
  auto started = program->StartTokenChecks("cognito", /*allow_http=*/development);
  if (!started.ok()) return started.status();
  authenticator = *std::move(started);
  return absl::OkStatus();
}

absl::Status Platform::Parts::StartWeather() {
  absl::StatusOr<weather::ServiceOptions> options =
      weather::ServiceOptionsFromEnvironment(program->environment(), development);
  if (!options.ok()) return options.status();
  absl::StatusOr<std::unique_ptr<weather::Application>> started = weather::Application::Start(*std::move(options));
  if (!started.ok()) return started.status();
  weather = *std::move(started);

  rpc::ServerOptions server;
  weather->AddTo(&server);
  absl::StatusOr<std::unique_ptr<rpc::Server>> serving = Serve("weather", flags.weather_listen, std::move(server));
  if (!serving.ok()) return serving.status();
  weather_server = *std::move(serving);
  return absl::OkStatus();
}

absl::Status Platform::Parts::StartProvisioning() {
  absl::StatusOr<provisioning::ServiceOptions> options =
      provisioning::ServiceOptionsFrom(flags.provisioning, program->environment(), development);
  if (!options.ok()) return options.status();
  options->tracer = program->TracerFor("stratus-provisioning");
  absl::StatusOr<std::unique_ptr<provisioning::Application>> started =
      provisioning::Application::Start(*std::move(options));
  if (!started.ok()) return started.status();
  provisioning = *std::move(started);

  rpc::ServerOptions server;
  provisioning->AddTo(&server);
  absl::StatusOr<std::unique_ptr<rpc::Server>> serving =
      Serve("provisioning", flags.provisioning_listen, std::move(server));
  if (!serving.ok()) return serving.status();
  provisioning_server = *std::move(serving);
  return absl::OkStatus();
}

// The gateway always comes by the socket; a port is for people with grpcurl.
absl::StatusOr<std::unique_ptr<rpc::Server>> Platform::Parts::Serve(std::string_view name, const std::string& listen,
                                                                    rpc::ServerOptions server) {
  for (const std::string& text : {sockets.SocketAddress(name), listen}) {
    if (text.empty()) continue;
    absl::StatusOr<core::Address> address = core::ParseAddress(text);
    if (!address.ok()) return address.status();
    server.listen.push_back(*std::move(address));
  }
  server.authenticator = authenticator;
  const std::string service = absl::StrCat("stratus-", core::ToAbsl(name));
  observers.push_back(std::make_unique<rpc::CallLogger>(service, program->call_log(), call_metrics.get()));
  server.observer = observers.back().get();
  server.tracer = program->TracerFor(service);
  return rpc::Server::Start(std::move(server));
}

// The weather service is where every call goes that no other service is named for.
absl::Status Platform::Parts::AddUpstreams(config::v1::Gateway* config) const {
  const std::string provisioning_socket = sockets.SocketAddress("provisioning");
  for (const std::string& flag : {sockets.SocketAddress("weather"),
                                  absl::StrCat("stratus.provisioning.v1.ProvisioningService=", provisioning_socket),
                                  absl::StrCat("stratus.provisioning.v1.ModuleService=", provisioning_socket),
                                  absl::StrCat("stratus.provisioning.v1.CredentialService=", provisioning_socket),
                                  absl::StrCat("stratus.provisioning.v1.AuditService=", provisioning_socket),
                                  absl::StrCat("google.longrunning.Operations=", provisioning_socket)}) {
    if (absl::Status status = gateway::AddUpstreamFlag(flag, config); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Platform::Parts::StartGateway() {
  gateway::GatewayOptions options;
  absl::StatusOr<core::Address> listen = core::ParseAddress(flags.listen);
  if (!listen.ok()) return listen.status();
  options.listen = *std::move(listen);
  options.threads =
      flags.threads > 0 ? flags.threads : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  if (!flags.config.empty()) {
    if (absl::Status status = core::LoadConfig(flags.config, {}, &options.config); !status.ok()) return status;
  }
  if (absl::Status status = AddUpstreams(&options.config); !status.ok()) return status;
  auto descriptors = gateway::proxy::ReadDescriptorFiles({flags.descriptors});
  if (!descriptors.ok()) return descriptors.status();
  options.descriptors = *std::move(descriptors);
  options.authenticator = authenticator;
  options.tracing.tracer = program->TracerFor("stratus-gateway");
  options.title = "Stratus";
  options.docs_dir = flags.docs_dir;
  options.openapi_overlay = provisioning->OpenApiOverlay();
  if (sandbox != nullptr && !sandbox->issuer_url().empty())
    options.token_url = absl::StrCat(sandbox->base_url(), "/oauth2/token");
  options.call_log = program->call_log();
  std::string shown;
  if (google::protobuf::util::MessageToJsonString(options.config, &shown).ok()) {
    program->ShowConfig("gateway", std::move(shown));
  }
  absl::StatusOr<std::unique_ptr<gateway::Gateway>> started = gateway::Gateway::Start(std::move(options));
  if (!started.ok()) return started.status();
  gateway = *std::move(started);
  return absl::OkStatus();
}

absl::Status Platform::Parts::GetReady() {
  program->AddMetrics([this](telemetry::Snapshot& out) {
    gateway->WriteMetrics(out);
    weather->WriteMetrics(out);
    provisioning->WriteMetrics(out);
  });
  program->readiness().AddCheck("provisioning", [this] { return provisioning->Ready(); });
  program->readiness().AddFact("isolation", provisioning->Isolation());
  std::map<std::string, std::string> addresses = {{"gateway", gateway->address().ToString()},
                                                  {"weather", weather_server->addresses().back()},
                                                  {"provisioning", provisioning_server->addresses().back()}};
  if (sandbox != nullptr) {
    addresses["sandbox"] = sandbox->address();
    addresses["xray"] = sandbox->xray_address();
    // Who gives tokens, where that is the sandbox.
    if (!sandbox->issuer_url().empty()) addresses["issuer"] = sandbox->address();
  }
  return program->Ready(std::move(addresses));
}

absl::StatusOr<std::unique_ptr<Platform>> Platform::Start(const Flags& flags, const CLI::App& app) {
  auto parts = std::make_unique<Parts>();
  parts->flags = flags;
  parts->app = &app;
  parts->development = flags.profile == "development";
  if (absl::Status status = parts->sockets.Create(); !status.ok()) return status;
  for (absl::Status (Parts::*start)() :
       {&Parts::StartSandbox, &Parts::StartProgram, &Parts::StartAuthenticator, &Parts::StartWeather,
        &Parts::StartProvisioning, &Parts::StartGateway, &Parts::GetReady}) {
    if (absl::Status status = (parts.get()->*start)(); !status.ok()) return status;
  }
  return absl::WrapUnique(new Platform(std::move(parts)));
}

Platform::Platform(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Platform::~Platform() = default;

// The services go on serving: the gateway has to reach them until its last call has ended.
void Platform::AwaitEnd(core::TerminationSignal* termination) {
  parts_->program->AwaitEnd(termination, [this] { parts_->gateway->AnnounceDrain(); });
}

void Platform::Drain() {
  const absl::Duration grace = parts_->program->drain_time();
  parts_->provisioning->Drain();
  parts_->gateway->Drain(grace);
  parts_->weather_server->Drain(grace);
  parts_->provisioning_server->Drain(grace);
  parts_->program->CloseAdmin();  // it reads what goes now
  parts_->gateway.reset();
  parts_->weather_server.reset();
  parts_->provisioning_server.reset();
  parts_->weather->Stop();
  parts_->provisioning->Stop(grace);
  parts_->program->Flush();
}

}  // namespace stratus::all_in_one
