#include "lib/auth/verifier.h"

#include <algorithm>
#include <utility>

#include "lib/auth/jwks.h"

namespace stratus::auth {

Verifier::Verifier(VerifierOptions options) : options_(std::move(options)) {}

Verdict Verifier::CheckHeader(const TokenHeader& header) const {
  if (header.algorithm != "RS256") return Verdict::Refused("alg is not RS256");
  if (header.has_critical) return Verdict::Refused("crit in the header");
  if (header.has_b64) return Verdict::Refused("b64 in the header");
  if (header.key_id.empty()) return Verdict::Refused("no kid");
  if (header.key_id.size() > kKeyIdBytesMax) return Verdict::Refused("kid over 256 bytes");
  return Verdict::Accepted();
}

Verdict Verifier::CheckClaims(const TokenClaims& claims, absl::Time now) const {
  if (!IssuerOf(claims).has_value()) return Verdict::Refused("iss is another issuer");
  if (claims.token_use != "access") return Verdict::Refused("token_use is not access");
  if (claims.client_id.empty()) return Verdict::Refused("no client_id");
  const auto& clients = options_.client_ids;
  if (!options_.any_client && std::find(clients.begin(), clients.end(), claims.client_id) == clients.end()) {
    return Verdict::Refused("client_id is not in the list");
  }
  if (!claims.expires.has_value()) return Verdict::Refused("no exp");
  if (!Unexpired(*claims.expires, now)) return Verdict::Refused("expired");
  const absl::Time latest_start = now + options_.clock_skew;
  if (claims.not_before.has_value() && *claims.not_before > latest_start) return Verdict::Refused("nbf is to come");
  if (claims.issued_at.has_value() && *claims.issued_at > latest_start) return Verdict::Refused("iat is to come");
  if (options_.tenant_required && (!claims.tenant.has_value() || claims.tenant->empty())) {
    return Verdict::Refused("no tenant claim");
  }
  return Verdict::Accepted();
}

std::optional<size_t> Verifier::IssuerOf(const TokenClaims& claims) const {
  const auto found = std::find(options_.issuers.begin(), options_.issuers.end(), claims.issuer);
  if (found == options_.issuers.end()) return std::nullopt;
  return found - options_.issuers.begin();
}

Verdict Verifier::CheckSignature(const ParsedToken& token, const RsaPublicKey& key) const {
  if (!key.Verify(token.signing_input, token.signature)) return Verdict::Refused("signature does not verify");
  return Verdict::Accepted();
}

Principal Verifier::ToPrincipal(TokenClaims claims, std::string identity) {
  Principal principal;
  principal.tenant = claims.tenant.has_value() ? *std::move(claims.tenant) : claims.client_id;
  principal.subject = claims.subject.empty() ? claims.client_id : std::move(claims.subject);
  principal.issuer = std::move(identity);
  principal.client_id = std::move(claims.client_id);
  principal.username = std::move(claims.username);
  principal.scopes = std::move(claims.scopes);
  principal.groups = std::move(claims.groups);
  principal.expires = *claims.expires;
  return principal;
}

}  // namespace stratus::auth
