// A whole gateway: REST, gRPC and the built-in pages on one port, as stratus-gateway runs it and stratusd embeds it.
//
//   GatewayOptions options;
//   options.listen = *core::ParseAddress("127.0.0.1:8080");
//   AddUpstreamFlag("unix:/run/weather.sock", &options.config);
//   options.descriptors = ...;
//   auto gateway = Gateway::Start(std::move(options));
//   ... (*gateway)->address() ...
//   (*gateway)->Drain(absl::Seconds(20));
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/proxy/call_trace.h"
#include "gateway/settings.h"
#include "google/protobuf/descriptor.pb.h"
#include "lib/auth/authenticator.h"
#include "lib/core/address.h"
#include "lib/telemetry/call_log.h"
#include "lib/telemetry/metrics.h"
#include "stratus/config/v1/gateway.pb.h"

namespace stratus::gateway {

struct GatewayOptions {
  core::Address listen;
  int threads = 1;  // each with a loop, upstream connections and a listening socket of its own
  // Upstreams among it.
  stratus::config::v1::Gateway config;
  google::protobuf::FileDescriptorSet descriptors;
  // Null: nobody is asked for a token.
  std::shared_ptr<auth::Authenticator> authenticator;
  std::string title = "API";
  std::string docs_dir;   // Swagger UI's files; empty: no /docs
  std::string token_url;  // where /docs gets tokens; may be empty
  // JSON that is merged into /openapi.json (gateway/openapi/overlay.h); empty: none. A wrong one is INVALID_ARGUMENT.
  std::string openapi_overlay;
  std::shared_ptr<telemetry::CallLog> call_log;  // may be null
  // Segments and the trace headers of upstream calls; see proxy/call_trace.h.
  proxy::TraceSettings tracing;
};

class Gateway {
 public:
  // INVALID_ARGUMENT for a wrong configuration or descriptor set, UNAVAILABLE when the address cannot be bound.
  // Upstreams need not be up.
  static absl::StatusOr<std::unique_ptr<Gateway>> Start(GatewayOptions options);
  // Cuts what is in flight unless Drain came first.
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // As bound: the port is never 0.
  core::Address address() const;
  // Serves these descriptors from now on; calls under way end with those they began with. INVALID_ARGUMENT when they
  // are wrong, and the old ones stay. Any thread, but not beside Drain or the destructor.
  absl::Status Reload(google::protobuf::FileDescriptorSet descriptors);
  // Says that it is going, while it serves as before: health checks at the door fail (the health page with 503,
  // grpc.health.v1.Health with NOT_SERVING). Any thread, but not beside Drain or the destructor.
  void AnnounceDrain();
  // Takes nothing new, lets the calls in flight end, cuts what is left at the deadline, and returns when all is over.
  void Drain(absl::Duration deadline);
  // Adds what is counted to a scrape: stratus_gateway_*.
  void WriteMetrics(telemetry::Snapshot& out) const;

 private:
  struct Impl;
  explicit Gateway(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace stratus::gateway
