#include "services/sandbox/issuer.h"

#include <openssl/evp.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/core/random.h"
#include "lib/core/status.h"
#include "services/sandbox/json.h"

namespace stratus::sandbox {
namespace {

constexpr size_t kClientsMax = 10'000;

std::string Base64Url(const std::string& text) {
  std::string encoded = absl::WebSafeBase64Escape(text);
  while (encoded.ends_with('=')) encoded.pop_back();
  return encoded;
}

// 32 hex digits in the form of a version 4 UUID.
std::string AsUuid(std::string hex) {
  hex[12] = '4';
  hex[16] = "89ab"[hex[16] & 3];
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-", hex.substr(16, 4), "-",
                      hex.substr(20));
}

// Client tokens have no `aud`, no groups, and their client as subject (Cognito Developer Guide, "Understanding the
// access token").
Json ClientClaims(const TokenRequest& request) {
  Json claims;
  claims["sub"] = request.client_id;
  return claims;
}

// The same for the same name: `sub` is who a user is.
std::string SubjectOf(std::string_view issuer, std::string_view username) {
  const std::string text = absl::StrCat(core::ToAbsl(issuer), "/", core::ToAbsl(username));
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  return AsUuid(absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), 16)));
}

Json UserClaims(const TokenRequest& request, std::string_view issuer) {
  Json claims;
  claims["sub"] = SubjectOf(issuer, request.username);
  claims["origin_jti"] = NewUuid();
  claims["event_id"] = NewUuid();
  claims["username"] = request.username;
  return claims;
}

}  // namespace

std::string NewUuid() { return AsUuid(core::RandomHex(16)); }

const std::vector<std::string>& EveryScope() {
  static const std::vector<std::string> scopes = {
      "stratus/weather.read",    "stratus/modules.read",      "stratus/stacks.read", "stratus/stacks.create",
      "stratus/stacks.update",   "stratus/stacks.delete",     "stratus/stacks.lock", "stratus/stacks.forceUnlock",
      "stratus/stacks.abandon",  "stratus/runs.read",         "stratus/runs.create", "stratus/runs.approve",
      "stratus/runs.cancel",     "stratus/outputs.sensitive", "stratus/state.read",  "stratus/state.write",
      "stratus/operations.read", "stratus/credentials.write", "stratus/audit.read",  "test/weatherforcastapi"};
  return scopes;
}

absl::StatusOr<std::unique_ptr<Issuer>> Issuer::Create(std::string url, std::string token_endpoint,
                                                       const core::Clock* clock) {
  auto key = SigningKey::Generate();
  if (!key.ok()) return key.status();
  return std::unique_ptr<Issuer>(new Issuer(std::move(url), std::move(token_endpoint), clock, *std::move(key)));
}

absl::Status Issuer::Register(Client client) {
  core::MutexLock lock(mutex_);
  if (clients_.size() >= kClientsMax && !clients_.contains(client.id)) {
    return absl::ResourceExhaustedError("the sandbox keeps no more than 10000 clients");
  }
  clients_[client.id] = std::move(client);
  return absl::OkStatus();
}

std::optional<Client> Issuer::FindClient(std::string_view id) const {
  core::MutexLock lock(mutex_);
  const auto found = clients_.find(id);
  return found == clients_.end() ? std::nullopt : std::make_optional(found->second);
}

absl::StatusOr<std::string> Issuer::Mint(const TokenRequest& request) const {
  const int64_t now = absl::ToUnixSeconds(clock_->Now());
  Json claims = request.username.empty() ? ClientClaims(request) : UserClaims(request, url_);
  if (!request.groups.empty()) claims["cognito:groups"] = request.groups;
  if (!request.roles_claim.empty()) claims[request.roles_claim] = request.roles;
  claims["token_use"] = "access";
  claims["scope"] = absl::StrJoin(request.scopes, " ");
  claims["auth_time"] = now;
  claims["iss"] = url_;
  claims["exp"] = now + absl::ToInt64Seconds(request.ttl);
  claims["iat"] = now;
  claims["version"] = 2;
  claims["jti"] = NewUuid();
  claims["client_id"] = request.client_id;
  if (!request.claims.empty()) {
    const Json extra = Json::parse(request.claims, nullptr, false);
    if (!extra.is_object()) return absl::InvalidArgumentError("claims must be a JSON object");
    claims.merge_patch(extra);
  }
  const KeyRing::Key key = keys_.current();
  const Json header = {{"kid", key->kid()}, {"alg", "RS256"}};
  const std::string signed_part = absl::StrCat(Base64Url(ToText(header)), ".", Base64Url(ToText(claims)));
  const absl::StatusOr<std::string> signature = key->Sign(signed_part);
  if (!signature.ok()) return signature.status();
  return absl::StrCat(signed_part, ".", Base64Url(*signature));
}

absl::StatusOr<std::string> Issuer::Rotate(bool drop_old) {
  const absl::StatusOr<KeyRing::Key> key = keys_.Rotate(drop_old);
  if (!key.ok()) return key.status();
  return (*key)->kid();
}

std::string Issuer::Jwks() const {
  Json keys = Json::array();
  for (const KeyRing::Key& key : keys_.published()) {
    keys.push_back({{"alg", "RS256"},
                    {"e", key->exponent()},
                    {"kid", key->kid()},
                    {"kty", "RSA"},
                    {"n", key->modulus()},
                    {"use", "sig"}});
  }
  return ToText({{"keys", keys}});
}

std::string Issuer::Discovery() const {
  return ToText({{"id_token_signing_alg_values_supported", {"RS256"}},
                 {"issuer", url_},
                 {"jwks_uri", url_ + "/.well-known/jwks.json"},
                 {"grant_types_supported", {"client_credentials"}},
                 {"scopes_supported", EveryScope()},
                 {"subject_types_supported", {"public"}},
                 {"token_endpoint", token_endpoint_},
                 {"token_endpoint_auth_methods_supported", {"client_secret_basic", "client_secret_post"}}});
}

}  // namespace stratus::sandbox
