// The WeatherService with everything it runs on, for a program of its own (main.cc) or inside another (stratusd).
//
//   auto weather = weather::Application::Start(*weather::ServiceOptionsFromEnvironment(environment, development));
//   (*weather)->AddTo(&server_options);      // rpc::ServerOptions: the caller chooses addresses and authenticator
//   auto server = rpc::Server::Start(std::move(server_options));
//   ...
//   (*server)->Drain(grace);
//   (*weather)->Stop();
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "lib/telemetry/metrics.h"
#include "services/weather/service/service_options.h"

namespace stratus::rpc {
struct ServerOptions;
}

namespace stratus::weather {

class Application {
 public:
  // Chooses the source: up to 2 s where the sandbox may stand in, else at once. A Redis that is away is no error.
  static absl::StatusOr<std::unique_ptr<Application>> Start(ServiceOptions options);

  // Stops first.
  ~Application();

  // Adds the gRPC service, which lives as long as the application.
  void AddTo(rpc::ServerOptions* server);

  // Calls without gRPC.
  WeatherCore& core();

  // Adds what is counted to a scrape: stratus_weather_*.
  void WriteMetrics(telemetry::Snapshot& out) const;

  // Ends what is under way with CANCELLED and releases sources, Redis and threads. Servers that offer the service must
  // have been drained. A second call does nothing.
  void Stop();

 private:
  class Impl;
  explicit Application(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace stratus::weather
