// X-Ray's own OTLP endpoint, POST /v1/traces: signed requests, JSON, gzip or none. What it takes stands in /traces.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html
#pragma once

#include <string>
#include <vector>

#include "lib/core/clock.h"
#include "services/sandbox/router.h"
#include "services/sandbox/xray/signature_check.h"
#include "services/sandbox/xray/trace_store.h"

namespace stratus::sandbox::xray {

// Its credentials; the second ones are temporary.
inline constexpr char kSandboxRegion[] = "us-east-1";
inline constexpr char kAccessKeyId[] = "AKIASANDBOX";
inline constexpr char kSecretAccessKey[] = "sandbox-secret";
inline constexpr char kTemporaryKeyId[] = "ASIASANDBOX";
inline constexpr char kTemporarySecret[] = "sandbox-temporary-secret";
inline constexpr char kSessionToken[] = "sandbox-session/token+==";

// X-Ray's limits of a request, before compression.
inline constexpr size_t kOtlpBytesMax = 5'000'000;
inline constexpr size_t kOtlpSpansMax = 10'000;

class OtlpEndpoint {
 public:
  // `clock` and `store` outlive it.
  OtlpEndpoint(const core::Clock* clock, TraceStore* store) : clock_(*clock), store_(*store) {}

  // Faults of the target `otlp` strike it.
  void AddRoutes(Router* router);

  static std::string ErrorBody(int status);

 private:
  http_server::Response Answer(const http_server::Request& request);
  http_server::Response Take(const Json& body);

  const core::Clock& clock_;
  TraceStore& store_;
  const std::vector<AwsAccount> accounts_ = {{kAccessKeyId, kSecretAccessKey, ""},
                                             {kTemporaryKeyId, kTemporarySecret, kSessionToken}};
};

}  // namespace stratus::sandbox::xray
