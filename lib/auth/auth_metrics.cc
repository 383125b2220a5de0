#include "lib/auth/auth_metrics.h"

#include <cstddef>
#include <memory>

#include "lib/auth/outcome.h"

namespace stratus::auth {
namespace {

const char* Name(Outcome::Class result) {
  switch (result) {
    case Outcome::Class::kAllowed: return "allowed";
    case Outcome::Class::kNoToken: return "no_token";
    case Outcome::Class::kMalformedRequest: return "malformed_request";
    case Outcome::Class::kBadToken: return "bad_token";
    case Outcome::Class::kInsufficientScope: return "insufficient_scope";
    case Outcome::Class::kDenied: return "denied";
    case Outcome::Class::kUnavailable: return "unavailable";
    case Outcome::Class::kPending: return "pending";
  }
  return "unknown";
}

}  // namespace

void WriteMetrics(const CognitoAuthenticator::Stats& stats, telemetry::Snapshot& out) {
  for (size_t i = 0; i < stats.checks.outcomes.size(); ++i) {
    out.Counter("stratus_auth_checks_total", "Token checks by outcome.", static_cast<double>(stats.checks.outcomes[i]),
                {{"outcome", Name(static_cast<Outcome::Class>(i))}});
  }
  constexpr char kLookups[] = "stratus_auth_cache_lookups_total";
  constexpr char kLookupsHelp[] = "Look-ups of verified tokens.";
  out.Counter(kLookups, kLookupsHelp, static_cast<double>(stats.checks.cache_hits), {{"result", "hit"}});
  out.Counter(kLookups, kLookupsHelp, static_cast<double>(stats.checks.cache_misses), {{"result", "miss"}});
  out.Gauge("stratus_auth_cached_tokens", "Verified tokens held.", static_cast<double>(stats.cached_tokens));
  out.Gauge("stratus_auth_waiting", "Checks that wait for a fetch of the key set.", static_cast<double>(stats.waiting));
  out.Gauge("stratus_auth_keys", "Keys of the issuers held.", static_cast<double>(stats.keys.keys));
  if (stats.keys.age.has_value()) {
    out.Gauge("stratus_auth_keys_age_seconds",
              "Time since the key set of the issuer that was asked least recently was fetched.",
              absl::ToDoubleSeconds(*stats.keys.age));
  }
  constexpr char kRefreshes[] = "stratus_auth_key_refreshes_total";
  constexpr char kRefreshesHelp[] = "Fetches of the key set.";
  out.Counter(kRefreshes, kRefreshesHelp, static_cast<double>(stats.keys.refreshes), {{"result", "ok"}});
  out.Counter(kRefreshes, kRefreshesHelp, static_cast<double>(stats.keys.refresh_failures), {{"result", "failed"}});
}

std::unique_ptr<telemetry::Metrics::Registration> Observe(const std::shared_ptr<CognitoAuthenticator>& authenticator,
                                                          telemetry::Metrics* metrics,
                                                          telemetry::Readiness* readiness) {
  if (authenticator == nullptr) return nullptr;
  readiness->AddCheck("keys", [authenticator] {
    return authenticator->has_keys() ? absl::OkStatus()
                                     : absl::UnavailableError("the issuer's keys have not been fetched yet");
  });
  return metrics->AddSource([authenticator](telemetry::Snapshot& out) { WriteMetrics(authenticator->stats(), out); });
}

}  // namespace stratus::auth
