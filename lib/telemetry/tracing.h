// Tracing of a program: from its environment to the tracers of its services.
//
//   auto tracing = telemetry::Tracing::Start(telemetry::TracingOptionsFrom(environment));
//   const telemetry::Tracer* tracer = tracing->TracerFor("stratus-weather");   // null: tracing is off
//   ...
//   tracing->Shutdown(absl::Seconds(2));   // after the last call
//
// Environment:
//   AWS_XRAY_DAEMON_ADDRESS   `host:port`, or `tcp:host:port udp:host:port`: segments go there, sampling rules come
//                             from there. A wrong one is logged, and not used.
//   OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, or OTEL_EXPORTER_OTLP_ENDPOINT (to which /v1/traces is added): an
//                             OpenTelemetry collector that gets the spans too, as OTLP/HTTP with JSON
//   OTEL_EXPORTER_OTLP_HEADERS  `name=value,...`, percent-encoded, for the collector
//   OTEL_EXPORTER_OTLP_TRACES_COMPRESSION, or OTEL_EXPORTER_OTLP_COMPRESSION: gzip or none, the default
//   Where that is X-Ray's own endpoint (https://xray.REGION.amazonaws.com/v1/traces), or STRATUS_OTLP_SIGV4_REGION
//   names a region, requests are signed by AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and
//   compressed. Neither: no tracing. STRATUS_SAMPLING_RULES    a file of local rules (local_sampler.h); they decide
//   until the daemon's rules come STRATUS_VERSION           service.version ECS_CONTAINER_METADATA_URI_V4,
//   AWS_EXECUTION_ENV, KUBERNETES_SERVICE_HOST, HOSTNAME: where the program runs
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "lib/http_client/http_client.h"
#include "lib/telemetry/daemon_address.h"
#include "lib/telemetry/sampling_rule.h"
#include "lib/telemetry/tracer.h"

namespace stratus::telemetry {

class Snapshot;

// A variable's value, if it is set.
using EnvironmentLookup = std::function<std::optional<std::string>(std::string_view name)>;

struct TracingOptions {
  std::optional<DaemonAddress> daemon;
  std::string otlp_url;                                           // empty: no collector
  std::vector<std::pair<std::string, std::string>> otlp_headers;  // may hold secrets
  bool otlp_gzip = false;
  std::optional<http_client::AwsSigning> otlp_signing;
  std::vector<SamplingRule> local_rules;  // empty: FallbackRules()
  // False: local rules alone.
  bool central_rules = true;
  std::string service_version;
  std::string origin;
  std::vector<std::pair<std::string, std::string>> aws;
};

// What is wrong is logged and left out: tracing stops no program.
TracingOptions TracingOptionsFrom(const EnvironmentLookup& environment);

class Tracing {
 public:
  static std::unique_ptr<Tracing> Start(TracingOptions options);
  // Drops what is queued where Shutdown was not called.
  ~Tracing();
  Tracing(const Tracing&) = delete;
  Tracing& operator=(const Tracing&) = delete;

  // Lives as long as this; null where tracing is off. Not thread-safe: call it while starting.
  const Tracer* TracerFor(std::string_view service_name);

  // stratus_trace_*. Nothing where tracing is off.
  void WriteMetrics(Snapshot& out) const;

  // Sends what is queued, for at most `limit` an exporter. Spans that end later are counted as dropped.
  void Shutdown(absl::Duration limit);

 private:
  struct Parts;
  explicit Tracing(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace stratus::telemetry
