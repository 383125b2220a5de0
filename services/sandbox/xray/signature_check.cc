#include "services/sandbox/xray/signature_check.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"

namespace stratus::sandbox::xray {
namespace {

constexpr absl::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr absl::string_view kTermination = "aws4_request";
constexpr absl::Duration kSkewMax = absl::Minutes(5);

std::string Hex(absl::string_view bytes) { return absl::BytesToHexString(bytes); }

std::string Sha256(absl::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return std::string(reinterpret_cast<const char*>(digest), sizeof(digest));
}

std::string Hmac(absl::string_view key, absl::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  unsigned size = sizeof(digest);
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), digest, &size);
  return std::string(reinterpret_cast<const char*>(digest), size);
}

// The Authorization header, taken apart.
struct Claim {
  std::string access_key_id, date, region, service, termination;
  std::vector<std::string> signed_headers;
  std::string signature;
};

std::optional<Claim> ParseClaim(absl::string_view header) {
  if (!absl::ConsumePrefix(&header, absl::StrCat(kAlgorithm, " "))) return std::nullopt;
  std::vector<absl::string_view> parts = absl::StrSplit(header, ',');
  if (parts.size() != 3) return std::nullopt;
  for (absl::string_view& part : parts) part = absl::StripAsciiWhitespace(part);
  if (!absl::ConsumePrefix(&parts[0], "Credential=") || !absl::ConsumePrefix(&parts[1], "SignedHeaders=") ||
      !absl::ConsumePrefix(&parts[2], "Signature=")) {
    return std::nullopt;
  }
  const std::vector<std::string> scope = absl::StrSplit(parts[0], '/');
  if (scope.size() != 5) return std::nullopt;
  return Claim{scope[0], scope[1], scope[2], scope[3], scope[4], absl::StrSplit(parts[1], ';'), std::string(parts[2])};
}

class Checker {
 public:
  Checker(const http_server::Request& request, const std::vector<AwsAccount>& accounts, SignatureScope scope,
          absl::Time now)
      : request_(request), accounts_(accounts), scope_(scope), now_(now) {}

  std::optional<SignatureProblem> Run() {
    if (Count("authorization") == 0) {
      return SignatureProblem{"MissingAuthenticationTokenException", "Missing Authentication Token"};
    }
    const std::optional<Claim> claim =
        Count("authorization") == 1 ? ParseClaim(core::ToAbsl(request_.Header("authorization"))) : std::nullopt;
    if (!claim) return SignatureProblem{"IncompleteSignatureException", "the Authorization header is malformed"};
    const AwsAccount* account = Find(claim->access_key_id);
    if (account == nullptr || Token() != account->session_token || Count("x-amz-security-token") > 1) {
      return SignatureProblem{"UnrecognizedClientException", "The security token included in the request is invalid."};
    }
    const std::string problem = Scope(*claim) + SignedHeaders(*claim) + Date(*claim) + Payload();
    if (!problem.empty()) return SignatureProblem{"InvalidSignatureException", problem};
    const std::string wanted = Signature(*claim, *account);
    const bool same = wanted.size() == claim->signature.size() &&
                      CRYPTO_memcmp(wanted.data(), claim->signature.data(), wanted.size()) == 0;
    if (same) return std::nullopt;
    return SignatureProblem{"InvalidSignatureException",
                            "The request signature we calculated does not match the signature you provided."};
  }

 private:
  size_t Count(std::string_view name) const {
    return static_cast<size_t>(std::count_if(request_.headers.begin(), request_.headers.end(),
                                             [&](const auto& header) { return header.first == name; }));
  }
  std::string Token() const { return std::string(request_.Header("x-amz-security-token")); }
  const AwsAccount* Find(std::string_view id) const {
    const auto found = std::find_if(accounts_.begin(), accounts_.end(),
                                    [&](const AwsAccount& account) { return account.access_key_id == id; });
    return found == accounts_.end() ? nullptr : &*found;
  }

  std::string Scope(const Claim& claim) const {
    if (claim.region == scope_.region && claim.service == scope_.service && claim.termination == kTermination)
      return "";
    return absl::StrCat("Credential should be scoped to */", core::ToAbsl(scope_.region), "/",
                        core::ToAbsl(scope_.service), "/", kTermination, ". ");
  }

  // What must be signed, is there, and is in order.
  std::string SignedHeaders(const Claim& claim) const {
    const std::vector<std::string>& names = claim.signed_headers;
    if (std::adjacent_find(names.begin(), names.end(), std::greater_equal<>()) != names.end()) {
      return "SignedHeaders are not in order. ";
    }
    for (const std::string& name : names) {
      if (name != absl::AsciiStrToLower(name) || Count(name) == 0) {
        return absl::StrCat("the signed header ", name, " is not in the request. ");
      }
    }
    std::string missing;
    const auto need = [&](const std::string& name) {
      if (std::binary_search(names.begin(), names.end(), name)) return;
      absl::StrAppend(&missing, "the header ", name, " is not signed. ");
    };
    need("host");
    for (const auto& [name, value] : request_.headers) {
      if (name.starts_with("x-amz-") || name == "content-type") need(name);
    }
    return missing;
  }

  std::string Date(const Claim& claim) const {
    absl::Time time;
    std::string error;
    const std::string text(request_.Header("x-amz-date"));
    if (text.size() != 16 || !absl::ParseTime("%E4Y%m%dT%H%M%SZ", text, &time, &error)) {
      return "x-amz-date is missing or malformed. ";
    }
    if (text.substr(0, 8) != claim.date) return "the credential's date is not x-amz-date's. ";
    if (time < now_ - kSkewMax) return "Signature expired. ";
    if (time > now_ + kSkewMax) return "Signature not yet current. ";
    return "";
  }

  std::string Payload() const {
    const std::string_view given = request_.Header("x-amz-content-sha256");
    return given.empty() || given == Hex(Sha256(request_.body)) ? "" : "the payload is not what was signed. ";
  }

  // Of a value: no space around it, and none twice within it.
  std::string CanonicalValue(const std::string& name) const {
    std::vector<std::string> values;
    for (const auto& [key, value] : request_.headers) {
      if (key == name) values.push_back(absl::StrJoin(absl::StrSplit(value, ' ', absl::SkipEmpty()), " "));
    }
    return absl::StrJoin(values, ",");
  }

  std::string CanonicalRequest(const Claim& claim) const {
    std::vector<std::string> query = absl::StrSplit(request_.query, '&', absl::SkipEmpty());
    std::sort(query.begin(), query.end());
    std::string text = absl::StrCat(request_.method, "\n", request_.path, "\n", absl::StrJoin(query, "&"), "\n");
    for (const std::string& name : claim.signed_headers) absl::StrAppend(&text, name, ":", CanonicalValue(name), "\n");
    absl::StrAppend(&text, "\n", absl::StrJoin(claim.signed_headers, ";"), "\n", Hex(Sha256(request_.body)));
    return text;
  }

  std::string Signature(const Claim& claim, const AwsAccount& account) const {
    const std::string scope = absl::StrJoin({claim.date, claim.region, claim.service, std::string(kTermination)}, "/");
    const std::string to_sign = absl::StrJoin({std::string(kAlgorithm), std::string(request_.Header("x-amz-date")),
                                               scope, Hex(Sha256(CanonicalRequest(claim)))},
                                              "\n");
    std::string key = Hmac("AWS4" + account.secret_access_key, claim.date);
    key = Hmac(Hmac(Hmac(key, claim.region), claim.service), kTermination);
    return Hex(Hmac(key, to_sign));
  }

  const http_server::Request& request_;
  const std::vector<AwsAccount>& accounts_;
  const SignatureScope scope_;
  const absl::Time now_;
};

}  // namespace

std::optional<SignatureProblem> CheckSignature(const http_server::Request& request,
                                               const std::vector<AwsAccount>& accounts, SignatureScope scope,
                                               absl::Time now) {
  return Checker(request, accounts, scope, now).Run();
}

}  // namespace stratus::sandbox::xray
