// POST /oauth2/token: Cognito's token endpoint for the client_credentials grant (RFC 6749, 4.4).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/http_server/http_server.h"
#include "services/sandbox/issuer.h"

namespace stratus::sandbox {

// Answers with a token, or as Cognito does with 400 and {"error": "..."}: invalid_request, invalid_client,
// invalid_scope, unsupported_grant_type, or invalid_grant (there are no codes or refresh tokens that could be valid).
http_server::Response AnswerTokenRequest(const Issuer& issuer, const http_server::Request& request);

// The parts of a space-separated scope value, empty ones left out.
std::vector<std::string> SplitScopes(std::string_view text);

}  // namespace stratus::sandbox
