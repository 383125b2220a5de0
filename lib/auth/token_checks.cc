#include "lib/auth/token_checks.h"

#include <optional>
#include <utility>
#include <vector>

#include "lib/auth/http_key_source.h"
#include "lib/http_client/http_client.h"

namespace stratus::auth {
namespace {

// Destroyed from the last member up: the authenticator uses the client.
struct Bundle {
  http_client::Client client;
  std::optional<CognitoAuthenticator> authenticator;
};

}  // namespace

std::shared_ptr<CognitoAuthenticator> StartTokenChecks(CognitoOptions options) {
  auto bundle = std::make_shared<Bundle>();
  std::vector<std::unique_ptr<KeySource>> keys;
  for (const IssuerOptions& issuer : options.issuers) {
    keys.push_back(std::make_unique<HttpKeySource>(&bundle->client, issuer.jwks_url));
  }
  CognitoAuthenticator* authenticator = &bundle->authenticator.emplace(std::move(options), std::move(keys));
  return {std::move(bundle), authenticator};
}

}  // namespace stratus::auth
