// What each of our programs does beside serving: logs, traces, metrics, the admin port, the ready file.
//
//   core::TerminationSignal termination;           // first of all, before any thread starts
//   auto program = program::Program::Start({.name = "stratus-weather", .app = &app, .flags = flags});
//   ... start what serves, with (*program)->metrics(), tracer(), call_log(), environment() ...
//   if (absl::Status status = (*program)->Ready({{"weather", address}}); !status.ok()) return status;
//   (*program)->AwaitEnd(&termination, announce);  // until SIGTERM and --drain-delay-seconds after; /readyz fails
//   meanwhile
//   ... accept nothing new, let calls end ...
//   (*program)->CloseAdmin();                      // nothing is asked for metrics any more
//   ... end the rest ...
//   (*program)->Flush();
//
// It outlives all that has spans, metrics or lines in the access log.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/auth/cognito_authenticator.h"
#include "lib/core/address.h"
#include "lib/core/termination_signal.h"
#include "lib/program/config_page.h"
#include "lib/program/flags.h"
#include "lib/telemetry/admin_server.h"
#include "lib/telemetry/call_log.h"
#include "lib/telemetry/metrics.h"
#include "lib/telemetry/readiness.h"
#include "lib/telemetry/tracing.h"

namespace stratus::program {

// Of this build: the CMake project's.
std::string_view Version();

struct Options {
  std::string name;               // stratus-gateway
  const CLI::App* app = nullptr;  // parsed; read by Start alone
  Flags flags;
  Environment environment = {};  // default: the process's own
};

class Program {
 public:
  // INVALID_ARGUMENT: a flag cannot be what it says.
  static absl::StatusOr<std::unique_ptr<Program>> Start(Options options);
  // Ends as CloseAdmin does.
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  const Environment& environment() const { return environment_; }
  telemetry::Metrics& metrics() { return metrics_; }
  telemetry::Readiness& readiness() { return readiness_; }
  // Null where tracing is off. While starting.
  const telemetry::Tracer* TracerFor(std::string_view service) { return tracing_->TracerFor(service); }
  // Null where it is off.
  const std::shared_ptr<telemetry::CallLog>& call_log() const { return call_log_; }
  absl::Duration drain_time() const { return absl::Seconds(options_.flags.drain_seconds); }

  // Of a scrape, until CloseAdmin. Before Ready.
  void AddMetrics(std::function<void(telemetry::Snapshot&)> source);
  void ShowConfig(std::string section, std::string json) { page_.AddSection(std::move(section), std::move(json)); }

  // Who checks tokens, as the environment says; `auth` "off": null. Its metrics and its readiness are the program's.
  absl::StatusOr<std::shared_ptr<auth::CognitoAuthenticator>> StartTokenChecks(std::string_view auth, bool allow_http);
  std::shared_ptr<auth::CognitoAuthenticator> StartTokenChecks(auth::CognitoOptions options);

  // Opens the admin port and writes the ready file, with the admin port's address among the others. After an error the
  // admin port is closed.
  absl::Status Ready(std::map<std::string, std::string> addresses);
  // Waits for SIGTERM or SIGINT. From the signal on the program is not ready, and `announce` says so where else it is
  // asked for; after a SIGTERM everything goes on being served for --drain-delay-seconds, so that balancers notice
  // before a connection is refused. A second signal ends the program at once.
  void AwaitEnd(core::TerminationSignal* termination, const std::function<void()>& announce = {});
  void CloseAdmin();
  // Sends the spans that wait, for two seconds at most.
  void Flush();

 private:
  Program(Options options, core::Address admin_listen);
  absl::Status OpenAdmin(std::map<std::string, std::string>* addresses);

  const Options options_;
  const core::Address admin_listen_;
  ConfigPage page_;
  const Environment environment_;
  telemetry::Metrics metrics_;
  std::shared_ptr<telemetry::CallLog> call_log_;
  std::unique_ptr<telemetry::Tracing> tracing_;
  // From here on members may hold what has spans.
  telemetry::Readiness readiness_;
  std::vector<std::unique_ptr<telemetry::Metrics::Registration>> sources_;
  std::unique_ptr<telemetry::AdminServer> admin_;
};

}  // namespace stratus::program
