#include "services/sandbox/token_endpoint.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"
#include "lib/http_server/target.h"
#include "services/sandbox/json.h"

namespace stratus::sandbox {
namespace {

constexpr absl::Duration kTokenLife = absl::Hours(1);

struct Credentials {
  std::string id;
  std::string secret;
};

http_server::Response Refuse(std::string_view error) {
  http_server::Response response = JsonReply(400, {{"error", std::string(error)}});
  response.headers.emplace_back("cache-control", "no-store");
  return response;
}

bool IsForm(const http_server::Request& request) {
  const std::string_view type = request.Header("content-type");
  const std::string media =
      absl::AsciiStrToLower(absl::StripAsciiWhitespace(core::ToAbsl(type.substr(0, type.find(';')))));
  return media == "application/x-www-form-urlencoded";
}

// RFC 6749, 2.3.1: both halves are form-encoded before they go into Basic.
std::optional<Credentials> ReadBasic(std::string_view authorization) {
  constexpr std::string_view kScheme = "Basic ";
  if (!absl::StartsWithIgnoreCase(core::ToAbsl(authorization), core::ToAbsl(kScheme))) return std::nullopt;
  std::string text;
  if (!absl::Base64Unescape(absl::StripAsciiWhitespace(core::ToAbsl(authorization.substr(kScheme.size()))), &text)) {
    return std::nullopt;
  }
  const size_t colon = text.find(':');
  if (colon == std::string::npos) return std::nullopt;
  auto id = http_server::PercentDecode(std::string_view(text).substr(0, colon), true);
  auto secret = http_server::PercentDecode(std::string_view(text).substr(colon + 1), true);
  if (!id || !secret) return std::nullopt;
  return Credentials{*std::move(id), *std::move(secret)};
}

std::optional<Credentials> ReadCredentials(const http_server::Request& request) {
  const auto id = http_server::FindFormValue(request.body, "client_id");
  const auto secret = http_server::FindFormValue(request.body, "client_secret");
  const std::string_view authorization = request.Header("authorization");
  if (authorization.empty()) return id && secret ? std::make_optional(Credentials{*id, *secret}) : std::nullopt;
  auto basic = ReadBasic(authorization);
  // One way to authenticate a request, and one client (RFC 6749, 2.3).
  if (!basic || secret || (id && *id != basic->id)) return std::nullopt;
  return basic;
}

bool SameSecret(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// Every parameter at most once (RFC 6749, 3.2).
bool HasRepeats(std::string_view form) {
  std::vector<std::string> names;
  for (const absl::string_view pair : absl::StrSplit(core::ToAbsl(form), '&', absl::SkipEmpty())) {
    const std::string_view name = core::ToStd(pair).substr(0, core::ToStd(pair).find('='));
    names.push_back(http_server::PercentDecode(name, true).value_or(""));
  }
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) != names.end();
}

}  // namespace

std::vector<std::string> SplitScopes(std::string_view text) {
  return absl::StrSplit(core::ToAbsl(text), ' ', absl::SkipEmpty());
}

http_server::Response AnswerTokenRequest(const Issuer& issuer, const http_server::Request& request) {
  if (!IsForm(request) || HasRepeats(request.body)) return Refuse("invalid_request");
  const auto grant = http_server::FindFormValue(request.body, "grant_type");
  if (!grant || grant->empty()) return Refuse("invalid_request");
  const std::optional<Credentials> credentials = ReadCredentials(request);
  if (!credentials) return Refuse("invalid_client");
  const std::optional<Client> client = issuer.FindClient(credentials->id);
  if (!client || !SameSecret(client->secret, credentials->secret)) return Refuse("invalid_client");
  if (*grant == "authorization_code" || *grant == "refresh_token") return Refuse("invalid_grant");
  if (*grant != "client_credentials") return Refuse("unsupported_grant_type");

  TokenRequest token{.client_id = client->id, .scopes = client->scopes, .ttl = kTokenLife};
  if (const auto scope = http_server::FindFormValue(request.body, "scope"); scope && !scope->empty()) {
    token.scopes = SplitScopes(*scope);
  }
  for (const std::string& scope : token.scopes) {
    if (std::find(client->scopes.begin(), client->scopes.end(), scope) == client->scopes.end()) {
      return Refuse("invalid_scope");
    }
  }
  const absl::StatusOr<std::string> access_token = issuer.Mint(token);
  if (!access_token.ok()) return JsonReply(500, {{"error", "server_error"}});
  http_server::Response response = JsonReply(
      200,
      {{"access_token", *access_token}, {"expires_in", absl::ToInt64Seconds(kTokenLife)}, {"token_type", "Bearer"}});
  response.headers.emplace_back("cache-control", "no-store");
  return response;
}

}  // namespace stratus::sandbox
