#include "lib/auth/environment.h"

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/core/status.h"

namespace stratus::auth {
namespace {

constexpr char kRegion[] = "AWS_DEFAULT_REGION";
constexpr char kPool[] = "COGNITO_USER_POOL_ID";
constexpr char kIssuer[] = "COGNITO_ISSUER";
constexpr char kJwkUrl[] = "JWK_URL";
constexpr char kRefresh[] = "JWK_REFRESH_SECONDS";
constexpr char kClients[] = "COGNITO_APP_CLIENT_ID";
constexpr char kScopeKey[] = "COGNITO_SCOPE_KEY";
constexpr char kTenantKey[] = "COGNITO_TENANT_KEY";

std::string Get(const Environment& environment, std::string_view name) { return environment(name).value_or(""); }

template <typename... Parts>
absl::Status Wrong(const char* variable, const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(variable, ": ", parts...));
}

// REGION_ID, as the console shows it. Strict, because it becomes part of a host name and a path.
bool IsPoolId(std::string_view pool) {
  const size_t underscore = pool.find('_');
  if (underscore == std::string_view::npos || underscore == 0 || underscore + 1 == pool.size()) return false;
  const std::string_view region = pool.substr(0, underscore);
  const std::string_view id = pool.substr(underscore + 1);
  return std::all_of(region.begin(), region.end(),
                     [](unsigned char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-'; }) &&
         std::all_of(id.begin(), id.end(), [](unsigned char c) { return absl::ascii_isalnum(c); });
}

// The host of an http or https URL without user, port, path; empty when it is not one.
std::string_view HostOf(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return "";
  std::string_view authority = url.substr(scheme + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (authority.find('@') != std::string_view::npos) return "";
  if (!authority.empty() && authority[0] == '[') return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

// Keys fetched over a plain connection are whatever the network says they are.
absl::Status CheckUrl(const char* variable, std::string_view url, bool allow_http) {
  const std::string_view host = HostOf(url);
  const bool printable = std::all_of(url.begin(), url.end(), [](unsigned char c) { return absl::ascii_isgraph(c); });
  if (host.empty() || !printable || url.find('#') != std::string_view::npos) {
    return Wrong(variable, "is not a URL; expected https://HOST/PATH");
  }
  if (absl::StartsWith(core::ToAbsl(url), "https://")) return absl::OkStatus();
  const bool loopback = host == "localhost" || host == "127.0.0.1" || host == "[::1]";
  if (absl::StartsWith(core::ToAbsl(url), "http://") && (loopback || allow_http)) return absl::OkStatus();
  return Wrong(variable, "has to begin with https:// (http:// is taken for a loopback address alone)");
}

std::string KeyUrlOf(absl::string_view issuer) {
  return absl::StrCat(absl::StripSuffix(issuer, "/"), "/.well-known/jwks.json");
}

// A pool has two issuers: its first, and the one that it has switched to where it was told to (multi-Region replication
// needs it). The second's keys answer 403 until then, so they are asked for when a token names it.
absl::StatusOr<std::vector<IssuerOptions>> IssuersOfPool(const std::string& pool, std::string region) {
  if (!IsPoolId(pool)) return Wrong(kPool, "expected REGION_ID, such as eu-west-1_Ab12Cd34E");
  const std::string of_pool = pool.substr(0, pool.find('_'));
  if (region.empty()) region = of_pool;
  if (region != of_pool) {
    return Wrong(kPool, "lies in region ", of_pool, ", but ", kRegion, " is ", region,
                 "; make them agree, or set COGNITO_ISSUER if the region is meant for other services");
  }
  const absl::string_view domain = absl::StartsWith(region, "cn-") ? ".amazonaws.com.cn/" : ".amazonaws.com/";
  const std::string first = absl::StrCat("https://cognito-idp.", region, domain, pool);
  const std::string second = absl::StrCat("https://issuer-cognito-idp.", region, domain, pool);
  return std::vector<IssuerOptions>{{.issuer = first, .jwks_url = KeyUrlOf(first)},
                                    {.issuer = second, .jwks_url = KeyUrlOf(second), .identity = first, .lazy = true}};
}

absl::StatusOr<std::vector<IssuerOptions>> ReadIssuers(const std::string& list, bool allow_http) {
  std::vector<IssuerOptions> issuers;
  for (absl::string_view item : absl::StrSplit(list, ',')) {
    const std::string issuer(absl::StripAsciiWhitespace(item));
    if (absl::Status status = CheckUrl(kIssuer, issuer, allow_http); !status.ok()) return status;
    if (issuer.find('?') != std::string::npos) return Wrong(kIssuer, "has a query; an issuer has none");
    const bool known = std::any_of(issuers.begin(), issuers.end(),
                                   [&issuer](const IssuerOptions& other) { return other.issuer == issuer; });
    if (known) return Wrong(kIssuer, "names ", issuer, " twice");
    if (issuers.size() == kIssuersMax) return Wrong(kIssuer, "names more than ", kIssuersMax, " issuers");
    issuers.push_back({.issuer = issuer, .jwks_url = KeyUrlOf(issuer)});
  }
  return issuers;
}

absl::StatusOr<std::vector<IssuerOptions>> FindIssuers(const Environment& environment, bool allow_http) {
  const std::string issuer = Get(environment, kIssuer);
  if (!issuer.empty()) return ReadIssuers(issuer, allow_http);
  const std::string pool = Get(environment, kPool);
  if (!pool.empty()) return IssuersOfPool(pool, Get(environment, kRegion));
  if (!Get(environment, kJwkUrl).empty()) {
    return Wrong(kJwkUrl,
                 "is set without an issuer; set COGNITO_ISSUER, or COGNITO_USER_POOL_ID with AWS_DEFAULT_REGION");
  }
  return Wrong(kPool, "is not set, nor is COGNITO_ISSUER; set one of them to say whose tokens are accepted");
}

// JWK_URL: the one issuer's keys lie there.
absl::Status OverrideKeyUrl(const std::string& url, bool allow_http, std::vector<IssuerOptions>* issuers) {
  if (url.empty()) return absl::OkStatus();
  if (absl::Status status = CheckUrl(kJwkUrl, url, allow_http); !status.ok()) return status;
  // A pool's second issuer has keys of its own, which would not be there.
  if (issuers->back().lazy) issuers->pop_back();
  if (issuers->size() > 1) {
    return Wrong(
        kJwkUrl, "is set beside ", issuers->size(),
        " issuers; it is one issuer's, so leave it out: each issuer's keys are at ISSUER/.well-known/jwks.json");
  }
  issuers->front().jwks_url = url;
  return absl::OkStatus();
}

absl::Status ReadRefreshInterval(const std::string& text, JwksCacheOptions* options) {
  if (text.empty()) return absl::OkStatus();
  int seconds = 0;
  if (!absl::SimpleAtoi(text, &seconds) || seconds < 1 || seconds > 86400) {
    return Wrong(kRefresh, "expected a number of seconds from 1 to 86400");
  }
  options->refresh_interval = absl::Seconds(seconds);
  return absl::OkStatus();
}

absl::Status ReadClients(const std::string& list, CognitoOptions* options) {
  if (list.empty()) {
    return Wrong(kClients,
                 "is not set; list the app clients whose tokens are accepted, comma-separated, or `*` for all");
  }
  for (absl::string_view item : absl::StrSplit(list, ',')) {
    item = absl::StripAsciiWhitespace(item);
    if (item.empty()) return Wrong(kClients, "has an empty entry; expected ids parted by single commas");
    if (item == "*") {
      options->any_client = true;
    } else {
      options->client_ids.emplace_back(item);
    }
  }
  if (options->any_client && !options->client_ids.empty()) {
    return Wrong(kClients, "has `*` beside other ids; keep one or the other");
  }
  return absl::OkStatus();
}

}  // namespace

Environment ProcessEnvironment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

bool NamesAnIssuer(const Environment& environment) {
  return !Get(environment, kPool).empty() || !Get(environment, kIssuer).empty() || !Get(environment, kJwkUrl).empty();
}

absl::StatusOr<CognitoOptions> OptionsFromEnvironment(const Environment& environment, bool allow_http) {
  CognitoOptions options;
  auto issuers = FindIssuers(environment, allow_http);
  if (!issuers.ok()) return issuers.status();
  options.issuers = *std::move(issuers);
  if (absl::Status status = OverrideKeyUrl(Get(environment, kJwkUrl), allow_http, &options.issuers); !status.ok()) {
    return status;
  }
  if (absl::Status status = ReadRefreshInterval(Get(environment, kRefresh), &options.jwks); !status.ok()) return status;
  if (absl::Status status = ReadClients(Get(environment, kClients), &options); !status.ok()) return status;
  const std::string scope_key = Get(environment, kScopeKey);
  if (!scope_key.empty()) options.claims.scope = scope_key;
  options.claims.tenant = Get(environment, kTenantKey);
  return options;
}

}  // namespace stratus::auth
