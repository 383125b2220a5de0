// What a Cognito user pool's tokens are checked against.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "lib/auth/jwks_cache.h"
#include "lib/auth/token_parser.h"
#include "lib/auth/verifier.h"

namespace stratus::auth {

struct CognitoOptions {
  std::string issuer;
  std::string jwks_url;
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
