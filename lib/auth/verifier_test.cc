// Good tokens are taken and forged ones refused, whole: through the parser, the rules and real signatures.
#include "lib/auth/verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "lib/auth/base64url.h"
#include "lib/auth/jwks.h"
#include "lib/auth/testing/token_maker.h"

namespace stratus::auth {
namespace {

using testing::SharedKey;
using testing::SigningKey;

constexpr char kIssuer[] = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12";
constexpr char kHeader[] = R"({"alg":"RS256","kid":"one"})";
const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

class VerifierTest : public ::testing::Test {
 protected:
  // Empty when accepted, else the reason.
  std::string Check(std::string_view token) const {
    ParsedToken parsed;
    Verdict verdict = ParseToken(token, names_, &parsed);
    if (verdict.ok()) verdict = verifier_.CheckHeader(parsed.header);
    if (verdict.ok()) verdict = verifier_.CheckClaims(parsed.claims, kNow);
    if (!verdict.ok()) return verdict.reason();
    const auto found = keys_.by_id.find(parsed.header.key_id);
    if (found == keys_.by_id.end()) return "unknown key";
    verdict = verifier_.CheckSignature(parsed, *found->second);
    return verdict.ok() ? "" : verdict.reason();
  }

  // Properly signed, with these claims.
  std::string CheckClaims(const std::string& claims) const { return Check(key_.Sign(claims)); }
  std::string CheckHeader(const std::string& header) const { return Check(key_.Sign(header, good_)); }
  // The good claims with `from` replaced.
  std::string Changed(const std::string& from, const std::string& to) const {
    EXPECT_THAT(good_, ::testing::HasSubstr(from));
    return absl::StrReplaceAll(good_, {{from, to}});
  }
  std::string With(std::string_view extra) const {
    return testing::AccessClaims(kIssuer, "client", "a/read", kNow, extra);
  }

  const SigningKey& key_ = SharedKey("one");
  const SigningKey& attacker_ = SharedKey("attacker");
  const KeySet keys_ = *ParseJwks(testing::Jwks({&key_, &SharedKey("k+/=")}));
  const ClaimNames names_;
  const Verifier verifier_{VerifierOptions{.issuers = {kIssuer}, .client_ids = {"client", "second"}}};
  const std::string good_ = With("");
};

TEST_F(VerifierTest, AcceptsAGoodToken) {
  EXPECT_EQ(Check(key_.Sign(good_)), "");
  EXPECT_EQ(CheckHeader(R"({"kid":"one","alg":"RS256","typ":"JWT"})"), "");
  EXPECT_EQ(CheckClaims(Changed(R"("client_id":"client")", R"("client_id":"second")")), "");
}

TEST_F(VerifierTest, AKeyIdMayHoldPlusSlashAndEquals) { EXPECT_EQ(Check(SharedKey("k+/=").Sign(good_)), ""); }

TEST_F(VerifierTest, RefusesEveryAlgorithmButRs256) {
  for (const char* algorithm : {"none", "None", "NONE", "", "HS256", "HS384", "HS512", "RS384", "RS512", "PS256",
                                "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "rs256", "RS256 ", "RSA"}) {
    EXPECT_EQ(CheckHeader(absl::StrCat(R"({"alg":")", algorithm, R"(","kid":"one"})")), "alg is not RS256")
        << algorithm;
  }
  EXPECT_EQ(CheckHeader(R"({"kid":"one"})"), "alg is not RS256");
}

TEST_F(VerifierTest, RefusesUnsignedTokens) {
  const std::string parts = absl::StrCat(EncodeBase64Url(R"({"alg":"none","kid":"one"})"), ".", EncodeBase64Url(good_));
  EXPECT_EQ(Check(parts + "."), "an empty part");
  EXPECT_EQ(Check(parts + ".AAAA"), "alg is not RS256");
  EXPECT_EQ(Check(parts), "fewer than three parts");
}

TEST_F(VerifierTest, RefusesAnHmacWithThePublicKeyAsItsSecret) {
  for (const std::string& secret : {key_.PublicPem(), key_.Jwk()}) {
    EXPECT_EQ(Check(testing::SignHs256(secret, R"({"alg":"HS256","kid":"one"})", good_)), "alg is not RS256");
    EXPECT_EQ(Check(testing::SignHs256(secret, kHeader, good_)), "signature does not verify");
  }
}

TEST_F(VerifierTest, RefusesAPssSignatureOfTheRightKeyUnderRs256) {
  EXPECT_EQ(Check(key_.SignPss(R"({"alg":"PS256","kid":"one"})", good_)), "alg is not RS256");
  EXPECT_EQ(Check(key_.SignPss(kHeader, good_)), "signature does not verify");
}

TEST_F(VerifierTest, NeverUsesAKeyThatTheTokenBrings) {
  for (const std::string& brought :
       {absl::StrCat(R"("jwk":)", attacker_.Jwk()), std::string(R"("jku":"https://evil.example/jwks.json")"),
        std::string(R"("x5u":"https://evil.example/cert.pem")"), std::string(R"("x5c":["MIIB"])")}) {
    const std::string header = absl::StrCat(R"({"alg":"RS256","kid":"one",)", brought, "}");
    EXPECT_EQ(Check(attacker_.Sign(header, good_)), "signature does not verify") << header;
    EXPECT_EQ(Check(key_.Sign(header, good_)), "") << header;  // of no effect either way
    const std::string other_id = absl::StrCat(R"({"alg":"RS256","kid":"attacker",)", brought, "}");
    EXPECT_EQ(Check(attacker_.Sign(other_id, good_)), "unknown key") << other_id;
  }
}

TEST_F(VerifierTest, RefusesCriticalExtensionsAndUnencodedPayloads) {
  EXPECT_EQ(CheckHeader(R"({"alg":"RS256","kid":"one","crit":["exp"],"exp":1})"), "crit in the header");
  EXPECT_EQ(CheckHeader(R"({"alg":"RS256","kid":"one","crit":[]})"), "crit in the header");
  EXPECT_EQ(CheckHeader(R"({"alg":"RS256","kid":"one","crit":["b64"],"b64":false})"), "crit in the header");
  EXPECT_EQ(CheckHeader(R"({"alg":"RS256","kid":"one","b64":false})"), "b64 in the header");
  EXPECT_EQ(CheckHeader(R"({"alg":"RS256","kid":"one","b64":true})"), "b64 in the header");
}

TEST_F(VerifierTest, RefusesDuplicateNamesInASignedToken) {
  EXPECT_EQ(CheckHeader(R"({"alg":"RS256","kid":"one","kid":"one"})"), "JSON name given twice");
  EXPECT_EQ(CheckClaims(With(R"(,"scope":"admin")")), "JSON name given twice");
  EXPECT_EQ(CheckClaims(With(R"(,"\u0073cope":"admin")")), "JSON name given twice");
}

TEST_F(VerifierTest, RequiresAKeyIdOfBoundedLength) {
  EXPECT_EQ(CheckHeader(R"({"alg":"RS256"})"), "no kid");
  EXPECT_EQ(CheckHeader(R"({"alg":"RS256","kid":""})"), "no kid");
  EXPECT_EQ(CheckHeader(absl::StrCat(R"({"alg":"RS256","kid":")", std::string(257, 'k'), "\"}")), "kid over 256 bytes");
  for (const char* near : {"One", "one ", "one\\u0000", "on", "../one"}) {
    EXPECT_EQ(CheckHeader(absl::StrCat(R"({"alg":"RS256","kid":")", near, "\"}")), "unknown key") << near;
  }
}

TEST_F(VerifierTest, RefusesSignaturesOfAnotherKeyAnotherTextOrAnotherLength) {
  EXPECT_EQ(Check(attacker_.Sign(kHeader, good_)), "signature does not verify");
  const std::string token = key_.Sign(good_);
  const size_t dot = token.rfind('.');
  const std::string input = token.substr(0, dot);
  std::string signature;
  ASSERT_TRUE(DecodeBase64Url(token.substr(dot + 1), &signature));
  const auto with_signature = [&](const std::string& bytes) { return Check(input + "." + EncodeBase64Url(bytes)); };
  EXPECT_EQ(with_signature(signature), "");
  for (const size_t size : {size_t{1}, size_t{32}, size_t{64}, size_t{128}, size_t{255}}) {
    EXPECT_EQ(with_signature(signature.substr(0, size)), "signature does not verify") << size;
  }
  EXPECT_EQ(with_signature(signature + '\0'), "signature does not verify");
  EXPECT_EQ(with_signature('\0' + signature), "signature does not verify");
  EXPECT_EQ(with_signature(signature + signature), "signature does not verify");
  const std::string other_input = absl::StrCat(EncodeBase64Url(kHeader), ".",
                                               EncodeBase64Url(Changed(R"("scope":"a/read")", R"("scope":"admin")")));
  EXPECT_EQ(Check(other_input + token.substr(dot)), "signature does not verify");
}

TEST_F(VerifierTest, TheIssuerIsComparedByteForByte) {
  for (const std::string& issuer :
       {absl::StrCat(kIssuer, "/"), absl::StrCat(kIssuer, " "), absl::StrCat(kIssuer, "3"), std::string(""),
        std::string("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_ab12"),
        std::string("HTTPS://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12"),
        std::string("http://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12"),
        std::string("https://cognito-idp.eu-west-1.amazonaws.com:443/eu-west-1_Ab12"),
        std::string("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1"),
        std::string("https://evil.example/")}) {
    EXPECT_EQ(CheckClaims(testing::AccessClaims(issuer, "client", "a/read", kNow)), "iss is another issuer") << issuer;
  }
  EXPECT_EQ(CheckClaims(Changed("\"iss\"", "\"ISS\"")), "iss is another issuer");
}

TEST_F(VerifierTest, OnlyAccessTokensCount) {
  for (const char* use : {"id", "refresh", "Access", "access ", ""}) {
    EXPECT_EQ(CheckClaims(Changed(R"("token_use":"access")", absl::StrCat(R"("token_use":")", use, "\""))),
              "token_use is not access")
        << use;
  }
  EXPECT_EQ(CheckClaims(Changed("\"token_use\"", "\"other\"")), "token_use is not access");
}

TEST_F(VerifierTest, TheClientHasToBeInTheList) {
  for (const char* client : {"other", "Client", "client ", "clien", "client,second"}) {
    EXPECT_EQ(CheckClaims(testing::AccessClaims(kIssuer, client, "a/read", kNow)), "client_id is not in the list")
        << client;
  }
  EXPECT_EQ(CheckClaims(testing::AccessClaims(kIssuer, "", "a/read", kNow)), "no client_id");
  // `aud` does not stand in for it.
  EXPECT_EQ(CheckClaims(Changed("\"client_id\"", "\"aud\"")), "no client_id");
}

TEST_F(VerifierTest, ExpiryIsRequiredANumberAndHasASmallSkew) {
  const std::string exp = "\"exp\":1700003600";
  const auto with_exp = [&](const std::string& value) { return CheckClaims(Changed(exp, "\"exp\":" + value)); };
  EXPECT_EQ(CheckClaims(Changed(exp, "\"x\":1")), "no exp");
  EXPECT_EQ(with_exp("1699999971"), "");
  EXPECT_EQ(with_exp("1699999970"), "expired");
  EXPECT_EQ(with_exp("1699999970.5"), "");
  EXPECT_EQ(with_exp("0"), "expired");
  for (const char* bad :
       {"\"1700003600\"", "null", "true", "-1", "-1700003600", "1e18", "9007199254740993", "[1700003600]"}) {
    EXPECT_EQ(with_exp(bad), "exp is not a date") << bad;
  }
  for (const char* bad : {"NaN", "Infinity", "-Infinity", "1e400"}) EXPECT_EQ(with_exp(bad), "not valid JSON") << bad;
}

TEST_F(VerifierTest, ATokenFromTheFutureDoesNotCountYet) {
  EXPECT_EQ(CheckClaims(With(R"(,"nbf":1700000030)")), "");
  EXPECT_EQ(CheckClaims(With(R"(,"nbf":1700000031)")), "nbf is to come");
  const std::string iat = "\"iat\":1700000000";
  EXPECT_EQ(CheckClaims(Changed(iat, "\"iat\":1700000030")), "");
  EXPECT_EQ(CheckClaims(Changed(iat, "\"iat\":1700000031")), "iat is to come");
  EXPECT_EQ(CheckClaims(Changed(iat, "\"x\":1")), "");  // both are optional
}

TEST_F(VerifierTest, RefusesATokenOverEightKilobytesBeforeLookingAtIt) {
  const std::string padding = absl::StrCat(",\"pad\":\"", std::string(8192, 'p'), "\"");
  EXPECT_EQ(CheckClaims(With(padding)), "token over 8 KB");
}

TEST_F(VerifierTest, EveryClientCountsWhereThatIsConfigured) {
  const Verifier verifier{VerifierOptions{.issuers = {kIssuer}, .client_ids = {}, .any_client = true}};
  ParsedToken parsed;
  const std::string token = key_.Sign(testing::AccessClaims(kIssuer, "x", "", kNow));
  ASSERT_TRUE(ParseToken(token, names_, &parsed).ok());
  EXPECT_TRUE(verifier.CheckClaims(parsed.claims, kNow).ok());
  parsed.claims.client_id.clear();
  EXPECT_FALSE(verifier.CheckClaims(parsed.claims, kNow).ok());
}

TEST_F(VerifierTest, AConfiguredTenantClaimIsRequiredSoThatNoClientIdPassesForATenant) {
  const Verifier verifier{VerifierOptions{.issuers = {kIssuer}, .client_ids = {"client"}, .tenant_required = true}};
  TokenClaims claims;
  claims.issuer = kIssuer;
  claims.client_id = "client";
  claims.token_use = "access";
  claims.expires = kNow;
  EXPECT_STREQ(verifier.CheckClaims(claims, kNow).reason(), "no tenant claim");
  claims.tenant = "";
  EXPECT_STREQ(verifier.CheckClaims(claims, kNow).reason(), "no tenant claim");
  claims.tenant = "acme";
  EXPECT_TRUE(verifier.CheckClaims(claims, kNow).ok());
  EXPECT_EQ(Verifier::ToPrincipal(claims, kIssuer).tenant, "acme");
}

TEST_F(VerifierTest, ThePrincipalIsWhatTheTokenSays) {
  TokenClaims claims;
  claims.issuer = kIssuer;
  claims.subject = "s";
  claims.client_id = "c";
  claims.username = "u";
  claims.expires = kNow;
  claims.scopes = {"a"};
  claims.groups = {"g"};
  const Principal principal = Verifier::ToPrincipal(claims, kIssuer);
  EXPECT_EQ(principal.issuer, kIssuer);
  EXPECT_EQ(principal.subject, "s");
  EXPECT_EQ(principal.client_id, "c");
  EXPECT_EQ(principal.username, "u");
  EXPECT_EQ(principal.tenant, "c");
  EXPECT_THAT(principal.scopes, ::testing::ElementsAre("a"));
  EXPECT_THAT(principal.groups, ::testing::ElementsAre("g"));
  EXPECT_EQ(principal.expires, kNow);
  claims.subject.clear();
  EXPECT_EQ(Verifier::ToPrincipal(claims, kIssuer).subject, "c");
}

}  // namespace
}  // namespace stratus::auth
