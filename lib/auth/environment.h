// The settings that Cognito's users have in their environment.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "lib/auth/options.h"

namespace stratus::auth {

// Looks a variable up; nullopt when it is not set. An empty value counts as not set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

// The process's own.
Environment ProcessEnvironment();

// Whether an issuer is named at all: COGNITO_USER_POOL_ID, COGNITO_ISSUER or JWK_URL. Without one, the caller may start
// the sandbox's.
bool NamesAnIssuer(const Environment& environment);

// Options from these variables:
//   AWS_DEFAULT_REGION, COGNITO_USER_POOL_ID  give the pool's two issuers and their key URLs; the region may be left to
//                                             the pool's own prefix
//   COGNITO_ISSUER                            overrides them; one issuer or several, comma-separated
//   JWK_URL                                   where the keys are, for one issuer; a pool's second one is then not taken
//   JWK_REFRESH_SECONDS                       how often keys are fetched: 1 to 86400, 300 by default
//   COGNITO_APP_CLIENT_ID                     accepted clients, comma-separated; `*`: every client of the issuer
//   COGNITO_SCOPE_KEY                         the claim that holds the scopes; default `scope`
//   COGNITO_TENANT_KEY                        the claim that holds the tenant, which each token must have then; without
//                                             it the tenant is the client
// INVALID_ARGUMENT names the variable, what is wrong with it and what to set. Addresses have to be https, or http to a
// loopback address; `allow_http` (development) takes http to any host.
absl::StatusOr<CognitoOptions> OptionsFromEnvironment(const Environment& environment, bool allow_http = false);

}  // namespace stratus::auth
