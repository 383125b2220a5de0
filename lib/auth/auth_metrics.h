// Token checks as metrics.
#pragma once

#include "lib/auth/cognito_authenticator.h"
#include "lib/telemetry/metrics.h"

namespace stratus::auth {

// stratus_auth_checks_total{outcome}, stratus_auth_cache_lookups_total{result}, stratus_auth_cached_tokens,
// stratus_auth_keys, stratus_auth_keys_age_seconds, stratus_auth_key_refreshes_total{result}.
void WriteMetrics(const CognitoAuthenticator::Stats& stats, telemetry::Snapshot& out);

}  // namespace stratus::auth
