#include "lib/auth/token_parser.h"

#include <algorithm>

#include "lib/auth/base64url.h"
#include "lib/auth/strict_json.h"

namespace stratus::auth {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr double kDateMax = 253402300799.0;  // the last second of the year 9999

// What stays warm between two tokens on a thread: bounded by kTokenBytesMax.
struct Scratch {
  std::string decoded;
  StrictJsonReader reader;
};

Scratch& ThreadScratch() {
  thread_local Scratch scratch;
  return scratch;
}

struct Parts {
  std::string_view header, claims, signature, signing_input;
};

Verdict Split(std::string_view token, Parts* parts) {
  if (token.size() > kTokenBytesMax) return Verdict::Refused("token over 8 KB");
  const size_t first = token.find('.');
  const size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos) return Verdict::Refused("fewer than three parts");
  if (token.find('.', second + 1) != std::string_view::npos) return Verdict::Refused("more than three parts");
  *parts = {token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1),
            token.substr(0, second)};
  if (parts->header.empty() || parts->claims.empty() || parts->signature.empty()) {
    return Verdict::Refused("an empty part");
  }
  return Verdict::Accepted();
}

Verdict DecodeJson(std::string_view part, object* root) {
  Scratch& scratch = ThreadScratch();
  if (!DecodeBase64Url(part, &scratch.decoded)) return Verdict::Refused("not canonical base64url");
  return scratch.reader.ParseObject(scratch.decoded, kTokenJsonDepthMax, root);
}

bool ReadString(const element& value, std::string* out) {
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS) return false;
  out->assign(text);
  return true;
}

// RFC 7519 NumericDate: a JSON number, perhaps with a fraction.
bool ReadDate(const element& value, std::optional<absl::Time>* out) {
  double seconds = 0;
  if (!value.is_number() || value.get_double().get(seconds) != simdjson::SUCCESS) return false;
  if (!(seconds >= 0 && seconds <= kDateMax)) return false;
  *out = absl::UnixEpoch() + absl::Seconds(seconds);
  return true;
}

bool AppendList(const element& value, std::vector<std::string>* out) {
  simdjson::dom::array items;
  if (value.get_array().get(items) != simdjson::SUCCESS) return false;
  for (const element item : items) {
    if (!ReadString(item, &out->emplace_back())) return false;
  }
  return true;
}

void AppendWords(std::string_view text, std::vector<std::string>* out) {
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) out->emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

bool ReadScopes(const element& value, std::vector<std::string>* out) {
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS) return AppendList(value, out);
  AppendWords(text, out);
  return true;
}

bool ReadRoles(const element& value, std::vector<std::string>* out) {
  return value.is_string() ? ReadString(value, &out->emplace_back()) : AppendList(value, out);
}

Verdict ReadHeader(const object& members, TokenHeader* header) {
  for (const auto [name, value] : members) {
    if (name == "alg" && !ReadString(value, &header->algorithm)) return Verdict::Refused("alg is not a string");
    if (name == "kid" && !ReadString(value, &header->key_id)) return Verdict::Refused("kid is not a string");
    if (name == "crit") header->has_critical = true;
    if (name == "b64") header->has_b64 = true;
  }
  return Verdict::Accepted();
}

Verdict ReadRegisteredClaim(std::string_view name, const element& value, TokenClaims* claims) {
  if (name == "iss" && !ReadString(value, &claims->issuer)) return Verdict::Refused("iss is not a string");
  if (name == "sub" && !ReadString(value, &claims->subject)) return Verdict::Refused("sub is not a string");
  if (name == "client_id" && !ReadString(value, &claims->client_id)) {
    return Verdict::Refused("client_id is not a string");
  }
  if (name == "token_use" && !ReadString(value, &claims->token_use)) {
    return Verdict::Refused("token_use is not a string");
  }
  if (name == "username" && !ReadString(value, &claims->username)) return Verdict::Refused("username is not a string");
  if (name == "exp" && !ReadDate(value, &claims->expires)) return Verdict::Refused("exp is not a date");
  if (name == "nbf" && !ReadDate(value, &claims->not_before)) return Verdict::Refused("nbf is not a date");
  if (name == "iat" && !ReadDate(value, &claims->issued_at)) return Verdict::Refused("iat is not a date");
  if (name == "cognito:groups" && !AppendList(value, &claims->groups)) {
    return Verdict::Refused("cognito:groups is not a list of strings");
  }
  return Verdict::Accepted();
}

// Apart from the registered ones, because a configuration may name one claim for two purposes.
Verdict ReadConfiguredClaim(std::string_view name, const element& value, const ClaimNames& names, TokenClaims* claims) {
  if (name == names.scope && !ReadScopes(value, &claims->scopes))
    return Verdict::Refused("scope claim of a wrong type");
  if (name == names.roles && name != "cognito:groups" && !ReadRoles(value, &claims->groups)) {
    return Verdict::Refused("roles claim of a wrong type");
  }
  if (name == names.tenant && !ReadString(value, &claims->tenant.emplace())) {
    return Verdict::Refused("tenant claim of a wrong type");
  }
  return Verdict::Accepted();
}

Verdict ReadClaims(const object& members, const ClaimNames& names, TokenClaims* claims) {
  for (const auto [name, value] : members) {
    if (name.empty()) continue;  // would match a claim that is not configured
    if (const Verdict verdict = ReadRegisteredClaim(name, value, claims); !verdict.ok()) return verdict;
    if (const Verdict verdict = ReadConfiguredClaim(name, value, names, claims); !verdict.ok()) return verdict;
  }
  for (auto* set : {&claims->scopes, &claims->groups}) {
    std::sort(set->begin(), set->end());
    set->erase(std::unique(set->begin(), set->end()), set->end());
  }
  return Verdict::Accepted();
}

}  // namespace

Verdict ParseToken(std::string_view token, const ClaimNames& names, ParsedToken* out) {
  *out = {};
  Parts parts;
  if (const Verdict verdict = Split(token, &parts); !verdict.ok()) return verdict;
  out->signing_input = parts.signing_input;
  if (!DecodeBase64Url(parts.signature, &out->signature)) return Verdict::Refused("not canonical base64url");
  object members;
  if (const Verdict verdict = DecodeJson(parts.header, &members); !verdict.ok()) return verdict;
  if (const Verdict verdict = ReadHeader(members, &out->header); !verdict.ok()) return verdict;
  if (const Verdict verdict = DecodeJson(parts.claims, &members); !verdict.ok()) return verdict;
  return ReadClaims(members, names, &out->claims);
}

}  // namespace stratus::auth
