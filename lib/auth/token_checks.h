// Token checks as a program starts them.
//
//   auto options = auth::OptionsFromEnvironment(auth::ProcessEnvironment());
//   server_options.authenticator = auth::StartTokenChecks(*std::move(options));
#pragma once

#include <memory>

#include "lib/auth/cognito_authenticator.h"
#include "lib/auth/options.h"

namespace stratus::auth {

// An authenticator whose keys come by HTTP from its issuers' `jwks_url`; it begins to fetch them at once. It owns the
// HTTP client that does so.
std::shared_ptr<CognitoAuthenticator> StartTokenChecks(CognitoOptions options);

}  // namespace stratus::auth
