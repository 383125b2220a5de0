// The ProvisioningService with everything it runs on, for a program of its own (main.cc) or inside another (stratusd).
//
//   auto provisioning = provisioning::Application::Start(*provisioning::ServiceOptionsFrom(flags, environment,
//   development));
//   (*provisioning)->AddTo(&server_options);
//   auto server = rpc::Server::Start(std::move(server_options));
//   ...
//   (*provisioning)->Drain();               // claims nothing more
//   (*server)->Drain(grace);
//   (*provisioning)->Stop(grace);           // engines go on under their shims, for the next start
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/telemetry/metrics.h"
#include "services/provisioning/service/service_options.h"

namespace stratus::rpc {
struct ServerOptions;
}

namespace stratus::provisioning {

class Application {
 public:
  // Opens the store, reads the modules, takes up the runs that this replica had under way. Errors say what could not
  // start and what to do.
  static absl::StatusOr<std::unique_ptr<Application>> Start(ServiceOptions options);

  // Stops first.
  ~Application();

  // Adds the gRPC services, which live as long as the application.
  void AddTo(rpc::ServerOptions* server);

  // Adds what is counted to a scrape: stratus_provisioning_*.
  void WriteMetrics(telemetry::Snapshot& out) const;

  // What the modules add to the gateway's /openapi.json (gateway/openapi/overlay.h): a form of its own for each.
  std::string OpenApiOverlay() const;

  // OK while the store answers.
  absl::Status Ready() const;

  // How runs are isolated: the tier, and why it is less than was wanted where it is.
  std::string Isolation() const;

  // No run is begun any more; those under way go on, and who waits for one is answered.
  void Drain();

  // Ends everything but the engines. With ServiceOptions::stop_runs they are interrupted, and waited for at most
  // `grace`. Servers that offer the services must have been drained. A second call does nothing.
  void Stop(absl::Duration grace);

 private:
  class Impl;
  explicit Application(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace stratus::provisioning
