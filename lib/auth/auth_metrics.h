// Token checks as metrics.
#pragma once

#include <memory>

#include "lib/auth/cognito_authenticator.h"
#include "lib/telemetry/metrics.h"
#include "lib/telemetry/readiness.h"

namespace stratus::auth {

// stratus_auth_checks_total{outcome}, stratus_auth_cache_lookups_total{result}, stratus_auth_cached_tokens,
// stratus_auth_waiting,
// stratus_auth_keys, stratus_auth_keys_age_seconds, stratus_auth_key_refreshes_total{result}.
void WriteMetrics(const CognitoAuthenticator::Stats& stats, telemetry::Snapshot& out);

// Adds an authenticator's counts to `metrics`, and to `readiness` that its keys have been fetched. Null (authentication
// off) adds nothing. What is returned has to be destroyed before `metrics`.
std::unique_ptr<telemetry::Metrics::Registration> Observe(const std::shared_ptr<CognitoAuthenticator>& authenticator,
                                                          telemetry::Metrics* metrics, telemetry::Readiness* readiness);

}  // namespace stratus::auth
