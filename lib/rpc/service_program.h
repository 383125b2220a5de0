// A program of one gRPC service: flags, token checks, server, drain. What is left for main() is which service.
//
//   int main(int argc, char** argv) {
//     core::TerminationSignal termination;  // before any thread starts
//     rpc::ServiceProgram program({.name = "stratus-weather", .service = "weather", .listen = "127.0.0.1:50051", ...});
//     return program.Run(argc, argv, &termination, [](const rpc::ServiceSetting& setting) { ... });
//   }
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/core/termination_signal.h"
#include "lib/program/program.h"
#include "lib/rpc/server.h"

namespace CLI {
class App;
}

namespace stratus::rpc {

// What the service is started with.
struct ServiceSetting {
  program::Environment environment;
  bool development = false;
  const telemetry::Tracer* tracer = nullptr;  // null: tracing is off
};

// The service as the program sees it. What is empty is left out; all of it holds the service's application.
struct ServiceParts {
  std::function<void(ServerOptions*)> add_to;
  std::function<void(telemetry::Snapshot&)> write_metrics;
  std::function<absl::Status()> ready;                          // for /readyz, under the name `store`
  std::vector<std::pair<std::string, std::string>> facts = {};  // for /readyz, beside the status
  std::function<absl::Status()> serving;     // once, as soon as calls are answered; an error ends the program
  std::function<void()> drain;               // at SIGTERM, before the server takes no more calls
  std::function<void(absl::Duration)> stop;  // after the last call
};

class ServiceProgram {
 public:
  struct Identity {
    std::string name;     // stratus-weather
    std::string service;  // weather: its name in the ready file
    std::string description;
    std::string listen;  // defaults of the flags
    std::string admin_listen;
  };
  using Start = std::function<absl::StatusOr<ServiceParts>(const ServiceSetting&)>;

  explicit ServiceProgram(Identity identity);
  ~ServiceProgram();
  ServiceProgram(const ServiceProgram&) = delete;
  ServiceProgram& operator=(const ServiceProgram&) = delete;

  // For flags of the service's own.
  CLI::App* app() { return app_.get(); }

  // Serves until SIGTERM. What main() returns: 1, with the reason on stderr, when it could not start.
  int Run(int argc, char** argv, core::TerminationSignal* termination, const Start& start);

 private:
  absl::Status Serve(core::TerminationSignal* termination, const Start& start);
  absl::StatusOr<ServerOptions> MakeServerOptions(program::Program* program);

  const Identity identity_;
  std::unique_ptr<CLI::App> app_;
  program::Flags flags_;
  std::string listen_;
  std::string profile_ = "production";
  std::string auth_ = "cognito";
};

}  // namespace stratus::rpc
