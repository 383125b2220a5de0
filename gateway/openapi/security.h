// What a caller must hold, as OpenAPI's security schemes and requirements.
#pragma once

#include <set>
#include <string>

#include "gateway/openapi/json.h"
#include "lib/auth/policy.h"

namespace stratus::gateway::openapi {

class Security {
 public:
  // `token_url` is the issuer's token endpoint for client_credentials; empty: only bearer tokens are described.
  explicit Security(std::string token_url) : token_url_(std::move(token_url)) {}

  // The `security` of an operation: each requirement in it suffices. `[]` for a public method.
  Json Requirements(const auth::Policy& policy);
  // The same as a paragraph.
  static std::string Describe(const auth::Policy& policy);

  // `components.securitySchemes`, with every scope that Requirements has seen.
  Json Schemes() const;

 private:
  std::string token_url_;
  std::set<std::string> scopes_;
};

}  // namespace stratus::gateway::openapi
