// The configuration message turned into each room's own options, with defaults filled in and ranges checked.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gateway/http/limits.h"
#include "gateway/http/tls_context.h"
#include "gateway/proxy/environment.h"
#include "gateway/upstream/cluster.h"
#include "lib/auth/policy.h"
#include "stratus/config/v1/gateway.pb.h"

namespace stratus::gateway {

struct Paths {
  std::string health = "/health";
  std::string docs = "/docs";
  std::string openapi = "/openapi.json";
};

struct Settings {
  http::Limits http;
  uint64_t memory_bytes_max = 0;                // 0: by what the system allows (memory_limit.h)
  std::shared_ptr<http::TlsServerContext> tls;  // null: plain
  proxy::CallSettings call;
  std::vector<upstream::ClusterOptions> upstreams;
  std::vector<std::vector<std::string>> upstream_services;
  std::vector<auth::Rule> auth_rules;
  std::vector<proxy::CacheRule> cache_rules;
  Paths paths;
};

// INVALID_ARGUMENT names the field and its range.
absl::StatusOr<Settings> SettingsFromConfig(const stratus::config::v1::Gateway& config);

// Adds `[pkg.Service=]ADDRESS[,ADDRESS...]` to the configuration, as `--upstream` takes it. Several services at the
// same addresses share an upstream.
absl::Status AddUpstreamFlag(const std::string& flag, stratus::config::v1::Gateway* config);

}  // namespace stratus::gateway
