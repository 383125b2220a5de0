// A Cognito user pool as far as tokens go: clients, access tokens, the key set, discovery.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/core/clock.h"
#include "lib/core/mutex.h"
#include "services/sandbox/signing_key.h"

namespace stratus::sandbox {

// An app client.
struct Client {
  std::string id;
  std::string secret;
  std::vector<std::string> scopes;  // that it may ask for
};

struct TokenRequest {
  std::string client_id = {};
  std::vector<std::string> scopes = {};
  absl::Duration ttl = absl::Hours(1);  // negative: a token that has run out
  // With a user name it is a user's token: the rest may be set too.
  std::string username = {};
  std::vector<std::string> groups = {};  // `cognito:groups`
  std::string roles_claim = {};          // the name of a further claim that holds `roles`
  std::vector<std::string> roles = {};
  // A JSON object of claims to add or replace; null takes one away. Empty: none.
  std::string claims = {};
};

// Thread-safe.
class Issuer {
 public:
  // `url` is the `iss` of every token: no slash at the end. `clock` outlives the issuer.
  static absl::StatusOr<std::unique_ptr<Issuer>> Create(std::string url, std::string token_endpoint,
                                                        const core::Clock* clock);

  // Adds a client, or replaces the one of that id. RESOURCE_EXHAUSTED past 10,000 of them.
  absl::Status Register(Client client);
  std::optional<Client> FindClient(std::string_view id) const;

  // A signed access token. INVALID_ARGUMENT when `claims` is not a JSON object.
  absl::StatusOr<std::string> Mint(const TokenRequest& request) const;

  // The kid that signs from now on.
  absl::StatusOr<std::string> Rotate(bool drop_old);

  std::string Jwks() const;
  std::string Discovery() const;
  const std::string& url() const { return url_; }

 private:
  Issuer(std::string url, std::string token_endpoint, const core::Clock* clock, KeyRing::Key key)
      : url_(std::move(url)), token_endpoint_(std::move(token_endpoint)), clock_(clock), keys_(std::move(key)) {}

  const std::string url_;
  const std::string token_endpoint_;
  const core::Clock* const clock_;
  KeyRing keys_;
  mutable core::Mutex mutex_;
  std::map<std::string, Client, std::less<>> clients_;
};

// A version 4 UUID.
std::string NewUuid();

// Every scope that the platform's protos ask for.
const std::vector<std::string>& EveryScope();

}  // namespace stratus::sandbox
