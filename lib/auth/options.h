// What tokens are checked against: one or more issuers, a Cognito user pool's two among them.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "lib/auth/jwks_cache.h"
#include "lib/auth/token_parser.h"
#include "lib/auth/verifier.h"

namespace stratus::auth {

inline constexpr size_t kIssuersMax = 16;

struct IssuerOptions {
  std::string issuer;    // compared byte for byte with a token's `iss`
  std::string jwks_url;  // where its keys are; a key counts for its own issuer alone
  // The issuer whose principals and tenants its tokens speak for: a user pool has two issuers and one set of users.
  // Empty: its own.
  std::string identity = {};
  // Its keys are fetched when the first token names it, not at the start, and it may have none
  // (JwksCacheOptions::lazy).
  bool lazy = false;
};

struct CognitoOptions {
  // At least one, at most kIssuersMax. Tenants of the first one's identity keep their bare names
  // (Verifier::ToPrincipal).
  std::vector<IssuerOptions> issuers;
  // App clients whose tokens are accepted; or, said openly, every client of the issuer.
  std::vector<std::string> client_ids;
  bool any_client = false;
  ClaimNames claims;
  absl::Duration clock_skew = absl::Seconds(30);
  // Verified tokens kept; about 1 KB each.
  size_t cached_tokens_max = 8192;
  // CheckLater calls that may wait for one key refresh; one more is answered kUnavailable at once.
  size_t waiting_max = 1024;
  // Off only where a test moves the clock and calls Tick() itself.
  bool background_refresh = true;
  JwksCacheOptions jwks;
};

}  // namespace stratus::auth
