// The rules of an access token over its parsed form. Which key a token names is the caller's to find.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "lib/auth/principal.h"
#include "lib/auth/rsa_public_key.h"
#include "lib/auth/token_parser.h"
#include "lib/auth/verdict.h"

namespace stratus::auth {

struct VerifierOptions {
  std::vector<std::string> issuers;     // compared byte for byte
  std::vector<std::string> client_ids;  // whose tokens are accepted; compared byte for byte
  bool any_client = false;              // every client of the issuer, in place of the list
  bool tenant_required = false;         // a tenant claim is configured: a token without it is refused
  absl::Duration clock_skew = absl::Seconds(30);
};

class Verifier {
 public:
  explicit Verifier(VerifierOptions options);

  // RS256 alone, a key id, no extension that changes the meaning of the rest.
  Verdict CheckHeader(const TokenHeader& header) const;

  // Issuer, use, client, dates. Cheap, and so done before the signature: a stranger's or an expired token costs no
  // cryptography and never asks for a key refresh.
  Verdict CheckClaims(const TokenClaims& claims, absl::Time now) const;

  Verdict CheckSignature(const ParsedToken& token, const RsaPublicKey& key) const;

  // Whether a token with this `exp` still counts at `now`.
  bool Unexpired(absl::Time expires, absl::Time now) const { return now < expires + options_.clock_skew; }

  // The place of the token's issuer in the list; nothing when it is none of them.
  std::optional<size_t> IssuerOf(const TokenClaims& claims) const;

  // After every check has passed. `identity` is the issuer that the principal counts to.
  static Principal ToPrincipal(TokenClaims claims, std::string identity);

 private:
  const VerifierOptions options_;
};

}  // namespace stratus::auth
