#include "lib/rpc/service_program.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <utility>

#include "lib/core/address.h"
#include "lib/core/status.h"
#include "lib/rpc/call_logger.h"
#include "lib/rpc/call_metrics.h"

namespace stratus::rpc {

ServiceProgram::ServiceProgram(Identity identity)
    : identity_(std::move(identity)),
      app_(std::make_unique<CLI::App>(identity_.description)),
      listen_(identity_.listen) {
  app_->add_option("--listen", listen_, "HOST:PORT or unix:PATH; port 0 takes a free one")->capture_default_str();
  app_->add_option("--profile", profile_, "development or production")
      ->envname("STRATUS_PROFILE")
      ->check(CLI::IsMember({"development", "production"}))
      ->capture_default_str();
  app_->add_option("--auth", auth_, "cognito, or off: every call is let in")
      ->check(CLI::IsMember({"cognito", "off"}))
      ->capture_default_str();
  flags_.admin_listen = identity_.admin_listen;
  program::AddFlags(app_.get(), &flags_);
}

ServiceProgram::~ServiceProgram() = default;

int ServiceProgram::Run(int argc, char** argv, core::TerminationSignal* termination, const Start& start) {
  CLI11_PARSE(*app_, argc, argv);
  const absl::Status status = Serve(termination, start);
  if (status.ok()) return 0;
  std::cerr << identity_.name << ": " << core::ToStd(status.message()) << "\n";
  return 1;
}

absl::StatusOr<ServerOptions> ServiceProgram::MakeServerOptions(program::Program* program) {
  ServerOptions options;
  absl::StatusOr<core::Address> listen = core::ParseAddress(listen_);
  if (!listen.ok()) return listen.status();
  options.listen = {*std::move(listen)};
  auto authenticator = program->StartTokenChecks(auth_, /*allow_http=*/profile_ == "development");
  if (!authenticator.ok()) return authenticator.status();
  options.authenticator = *std::move(authenticator);
  options.authentication_off = auth_ == "off";
  options.tracer = program->TracerFor(identity_.name);
  return options;
}

absl::Status ServiceProgram::Serve(core::TerminationSignal* termination, const Start& start) {
  auto program = program::Program::Start({.name = identity_.name, .app = app_.get(), .flags = flags_});
  if (!program.ok()) return program.status();
  absl::StatusOr<ServerOptions> options = MakeServerOptions(program->get());
  if (!options.ok()) return options.status();
  absl::StatusOr<ServiceParts> service = start(
      {.environment = (*program)->environment(), .development = profile_ == "development", .tracer = options->tracer});
  if (!service.ok()) return service.status();

  CallMetrics call_metrics((*program)->metrics());
  CallLogger observer(identity_.name, (*program)->call_log(), &call_metrics);
  options->observer = &observer;
  service->add_to(&*options);
  auto server = Server::Start(*std::move(options));
  if (!server.ok()) return server.status();
  if (service->serving) {
    if (absl::Status status = service->serving(); !status.ok()) return status;
  }
  (*program)->AddMetrics(service->write_metrics);
  for (const auto& [name, value] : service->facts) (*program)->readiness().AddFact(name, value);
  if (service->ready) (*program)->readiness().AddCheck("store", service->ready);
  const absl::Status ready = (*program)->Ready({{identity_.service, (*server)->addresses().front()}});
  if (!ready.ok()) return ready;

  (*program)->AwaitEnd(termination, [&server] { (*server)->SetServing(false); });
  if (service->drain) service->drain();
  (*server)->Drain((*program)->drain_time());
  (*program)->CloseAdmin();
  service->stop((*program)->drain_time());
  (*program)->Flush();
  return absl::OkStatus();
}

}  // namespace stratus::rpc
