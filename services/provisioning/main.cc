// stratus-provisioning: the ProvisioningService as a program of its own.
#include <CLI/CLI.hpp>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "lib/core/termination_signal.h"
#include "lib/rpc/service_program.h"
#include "services/provisioning/service/application.h"

namespace {

using namespace stratus;

struct Flags {
  std::string openapi_overlay;
  provisioning::ServiceFlags service;
};

void AddFlags(CLI::App* app, Flags* flags) {
  app->add_option("--openapi-overlay", flags->openapi_overlay,
                  "Where to write the modules' forms once ready: stratus-gateway takes the file under the same flag");
  provisioning::AddServiceFlags(app, &flags->service);
}

absl::Status WriteText(const std::string& path, const std::string& text) {
  if (path.empty()) return absl::OkStatus();
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  return file.flush() ? absl::OkStatus() : absl::UnavailableError(path + ": cannot be written");
}

absl::StatusOr<rpc::ServiceParts> Start(const Flags& flags, const rpc::ServiceSetting& setting) {
  auto options = provisioning::ServiceOptionsFrom(flags.service, setting.environment, setting.development);
  if (!options.ok()) return options.status();
  options->tracer = setting.tracer;
  auto started = provisioning::Application::Start(*std::move(options));
  if (!started.ok()) return started.status();
  const std::shared_ptr<provisioning::Application> application = *std::move(started);
  rpc::ServiceParts parts;
  parts.add_to = [application](rpc::ServerOptions* server) { application->AddTo(server); };
  parts.write_metrics = [application](telemetry::Snapshot& out) { application->WriteMetrics(out); };
  parts.ready = [application] { return application->Ready(); };
  parts.facts = {{"isolation", application->Isolation()}};
  parts.serving = [application, path = flags.openapi_overlay] {
    return WriteText(path, application->OpenApiOverlay());
  };
  parts.drain = [application] { application->Drain(); };
  parts.stop = [application](absl::Duration grace) { application->Stop(grace); };
  return parts;
}

}  // namespace

int main(int argc, char** argv) {
  core::TerminationSignal termination;  // before any thread starts
  rpc::ServiceProgram program(
      {.name = "stratus-provisioning",
       .service = "provisioning",
       .description = "The ProvisioningService over gRPC. The environment says where it stores and whose tokens it "
                      "takes: see services/provisioning/service/service_options.h and lib/auth/environment.h.",
       .listen = "127.0.0.1:50052",
       .admin_listen = "127.0.0.1:9092"});
  Flags flags;
  AddFlags(program.app(), &flags);
  return program.Run(argc, argv, &termination,
                     [&flags](const rpc::ServiceSetting& setting) { return Start(flags, setting); });
}
