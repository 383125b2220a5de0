// stratus-weather: the WeatherService as a program of its own.
#include <memory>
#include <utility>

#include "lib/core/termination_signal.h"
#include "lib/rpc/service_program.h"
#include "services/weather/service/application.h"

namespace {

using namespace stratus;

absl::StatusOr<rpc::ServiceParts> Start(const rpc::ServiceSetting& setting) {
  auto options = weather::ServiceOptionsFromEnvironment(setting.environment, setting.development);
  if (!options.ok()) return options.status();
  auto started = weather::Application::Start(*std::move(options));
  if (!started.ok()) return started.status();
  const std::shared_ptr<weather::Application> application = *std::move(started);
  rpc::ServiceParts parts;
  parts.add_to = [application](rpc::ServerOptions* server) { application->AddTo(server); };
  parts.write_metrics = [application](telemetry::Snapshot& out) { application->WriteMetrics(out); };
  parts.stop = [application](absl::Duration) { application->Stop(); };
  return parts;
}

}  // namespace

int main(int argc, char** argv) {
  core::TerminationSignal termination;  // before any thread starts
  rpc::ServiceProgram program(
      {.name = "stratus-weather",
       .service = "weather",
       .description = "The WeatherService over gRPC. The environment says which source and whose tokens: see "
                      "services/weather/service/service_options.h and lib/auth/environment.h.",
       .listen = "127.0.0.1:50051",
       .admin_listen = "127.0.0.1:9091"});
  return program.Run(argc, argv, &termination, Start);
}
