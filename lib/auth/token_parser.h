// The text of a token taken apart and its members typed: all that can be refused before any cryptography.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "lib/auth/verdict.h"

namespace stratus::auth {

inline constexpr size_t kTokenBytesMax = 8192;
inline constexpr int kTokenJsonDepthMax = 8;

// Which claims hold what an issuer may be configured to call differently. Empty: there is no such claim.
struct ClaimNames {
  std::string scope = "scope";  // a space-separated set, or a list of strings
  std::string roles;            // a list of strings, or one string; joins `cognito:groups`
  std::string tenant;           // a string
};

// `jwk`, `jku`, `x5u` and `x5c` are not read: a key never comes from the token that it is to verify.
struct TokenHeader {
  std::string algorithm;
  std::string key_id;
  bool has_critical = false;  // `crit`: extensions that must be understood (RFC 7515 section 4.1.11)
  bool has_b64 = false;       // `b64`: an unencoded payload (RFC 7797)
};

struct TokenClaims {
  std::string issuer;
  std::string subject;
  std::string client_id;
  std::string token_use;
  std::string username;
  std::optional<std::string> tenant;
  std::optional<absl::Time> expires;     // `exp`
  std::optional<absl::Time> not_before;  // `nbf`
  std::optional<absl::Time> issued_at;   // `iat`
  std::vector<std::string> scopes;       // sorted, each once
  std::vector<std::string> groups;       // sorted, each once
};

struct ParsedToken {
  std::string_view signing_input;  // a view into the token's text
  std::string signature;           // bytes
  TokenHeader header;
  TokenClaims claims;
};

// Exactly three non-empty parts of canonical base64url, at most kTokenBytesMax in all; header and claims JSON objects
// nested at most kTokenJsonDepthMax deep with no name given twice; each member that is read of its right type; dates
// numbers from 1970 to 9999. `out` is unspecified when refused. Safe from any thread.
Verdict ParseToken(std::string_view token, const ClaimNames& names, ParsedToken* out);

}  // namespace stratus::auth
