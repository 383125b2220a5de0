#include "gateway/openapi/security.h"

#include <vector>

#include "absl/strings/str_cat.h"

namespace stratus::gateway::openapi {
namespace {

constexpr char kBearer[] = "bearerAuth";
constexpr char kOauth2[] = "oauth2";

// "the scope `a`", "one of the scopes `a`, `b`"
std::string OneOf(const char* noun, const std::vector<std::string>& names) {
  std::string text = names.size() == 1 ? absl::StrCat("the ", noun) : absl::StrCat("one of the ", noun, "s");
  const char* separator = " `";
  for (const std::string& name : names) {
    absl::StrAppend(&text, separator, name, "`");
    separator = ", `";
  }
  return text;
}

}  // namespace

Json Security::Requirements(const auth::Policy& policy) {
  Json requirements = Json::array();
  if (policy.kind == auth::Policy::Kind::kPublic) return requirements;
  for (const std::string& scope : policy.any_scope) {
    scopes_.insert(scope);
    requirements.push_back({{kBearer, Json::array({scope})}});
    if (!token_url_.empty()) requirements.push_back({{kOauth2, Json::array({scope})}});
  }
  // Groups come with user tokens: OpenAPI has no word for them.
  if (!policy.any_group.empty() || requirements.empty()) requirements.push_back({{kBearer, Json::array()}});
  return requirements;
}

std::string Security::Describe(const auth::Policy& policy) {
  switch (policy.kind) {
    case auth::Policy::Kind::kPublic: return "No token is needed.";
    case auth::Policy::Kind::kDenied:
      return "Denied to every caller: neither its definition nor the configuration says who may call it.";
    case auth::Policy::Kind::kRequired: break;
  }
  std::string text = "Needs a token";
  if (!policy.any_scope.empty()) absl::StrAppend(&text, " with ", OneOf("scope", policy.any_scope));
  if (!policy.any_scope.empty() && !policy.any_group.empty()) absl::StrAppend(&text, ", or one");
  if (!policy.any_group.empty()) absl::StrAppend(&text, " of a member of ", OneOf("group", policy.any_group));
  return text + ".";
}

Json Security::Schemes() const {
  Json schemes = {{kBearer,
                   {{"type", "http"},
                    {"scheme", "bearer"},
                    {"bearerFormat", "JWT"},
                    {"description", "An access token. Sent as `Authorization: Bearer TOKEN`."}}}};
  if (token_url_.empty()) return schemes;
  Json scopes = Json::object();
  for (const std::string& scope : scopes_) scopes[scope] = absl::StrCat("Methods that need ", scope);
  schemes[kOauth2] = {{"type", "oauth2"},
                      {"description", "A token fetched with a client's id and secret."},
                      {"flows", {{"clientCredentials", {{"tokenUrl", token_url_}, {"scopes", scopes}}}}}};
  return schemes;
}

}  // namespace stratus::gateway::openapi
