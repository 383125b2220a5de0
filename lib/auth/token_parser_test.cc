#include "lib/auth/token_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "lib/auth/base64url.h"

namespace stratus::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kHeader[] = R"({"alg":"RS256","kid":"k"})";

std::string Join(std::string_view header, std::string_view claims, std::string_view signature = "sig") {
  return absl::StrCat(EncodeBase64Url(header), ".", EncodeBase64Url(claims), ".", EncodeBase64Url(signature));
}

std::string ReasonFor(std::string_view token, const ClaimNames& names = {}) {
  ParsedToken parsed;
  const Verdict verdict = ParseToken(token, names, &parsed);
  return verdict.ok() ? "" : verdict.reason();
}

TokenClaims Claims(std::string_view json, const ClaimNames& names = {}) {
  ParsedToken parsed;
  const std::string token = Join(kHeader, json);
  const Verdict verdict = ParseToken(token, names, &parsed);
  EXPECT_TRUE(verdict.ok()) << verdict.reason() << " " << json;
  return parsed.claims;
}

std::string ClaimsReason(std::string_view json, const ClaimNames& names = {}) {
  return ReasonFor(Join(kHeader, json), names);
}

TEST(TokenParser, TakesATokenApart) {
  const std::string token = Join(
      R"({"kid":"a+/=","alg":"RS256","typ":"JWT"})",
      R"({"iss":"i","sub":"s","client_id":"c","token_use":"access","username":"u","scope":"b a","exp":100,"nbf":1,)"
      R"("iat":2,"cognito:groups":["z","y"]})",
      "\x01\x02");
  ParsedToken parsed;
  const Verdict verdict = ParseToken(token, {}, &parsed);
  ASSERT_TRUE(verdict.ok()) << verdict.reason();
  EXPECT_EQ(parsed.header.algorithm, "RS256");
  EXPECT_EQ(parsed.header.key_id, "a+/=");
  EXPECT_FALSE(parsed.header.has_critical);
  EXPECT_EQ(parsed.signature, "\x01\x02");
  EXPECT_EQ(parsed.signing_input, token.substr(0, token.rfind('.')));
  EXPECT_EQ(parsed.claims.issuer, "i");
  EXPECT_EQ(parsed.claims.subject, "s");
  EXPECT_EQ(parsed.claims.client_id, "c");
  EXPECT_EQ(parsed.claims.token_use, "access");
  EXPECT_EQ(parsed.claims.username, "u");
  EXPECT_EQ(parsed.claims.expires, absl::FromUnixSeconds(100));
  EXPECT_EQ(parsed.claims.not_before, absl::FromUnixSeconds(1));
  EXPECT_EQ(parsed.claims.issued_at, absl::FromUnixSeconds(2));
  EXPECT_THAT(parsed.claims.scopes, ElementsAre("a", "b"));
  EXPECT_THAT(parsed.claims.groups, ElementsAre("y", "z"));
}

TEST(TokenParser, WantsExactlyThreeNonEmptyParts) {
  const std::string good = Join(kHeader, "{}");
  const std::string header = good.substr(0, good.find('.'));
  EXPECT_EQ(ReasonFor(""), "fewer than three parts");
  EXPECT_EQ(ReasonFor(header), "fewer than three parts");
  EXPECT_EQ(ReasonFor(header + ".e30"), "fewer than three parts");
  EXPECT_EQ(ReasonFor(good + ".AAAA"), "more than three parts");
  EXPECT_EQ(ReasonFor(good + "."), "more than three parts");
  EXPECT_EQ(ReasonFor(header + ".e30.A.A.A"), "more than three parts");  // a JWE has five
  for (const std::string& bad : {header + ".e30.", header + "..AAAA", std::string(".e30.AAAA"), std::string("..")}) {
    EXPECT_EQ(ReasonFor(bad), "an empty part") << bad;
  }
}

TEST(TokenParser, RefusesEncodingsThatAreNotCanonical) {
  const std::string good = Join(kHeader, R"({"a":1})", "sig!");
  ASSERT_EQ(ReasonFor(good), "");
  const size_t first = good.find('.');
  const size_t second = good.find('.', first + 1);
  for (const size_t at : {first, second, good.size()}) {
    for (const char* extra : {"=", "==", " ", "\n", "+", "/", "%3D"}) {
      std::string bad = good;
      bad.insert(at, extra);
      EXPECT_EQ(ReasonFor(bad), "not canonical base64url") << at << extra;
    }
  }
  EXPECT_EQ(ReasonFor(" " + good), "not canonical base64url");
  ASSERT_EQ(good.substr(good.size() - 2), "IQ");
  std::string trailing_bits = good;
  trailing_bits.back() = 'R';
  EXPECT_EQ(ReasonFor(trailing_bits), "not canonical base64url");
}

TEST(TokenParser, TakesEightKilobytesAndNotOneByteMore) {
  std::string token = absl::StrCat(EncodeBase64Url(kHeader), ".e30.");
  const size_t room = kTokenBytesMax - token.size();
  token += std::string(room / 4 * 4, 'A');
  if (room % 4 > 1) token += room % 4 == 2 ? "AA" : "AAA";
  ASSERT_LE(token.size(), kTokenBytesMax);
  ASSERT_GE(token.size() + 1, kTokenBytesMax);
  EXPECT_EQ(ReasonFor(token), "");
  token.resize(kTokenBytesMax + 1, 'A');
  EXPECT_EQ(ReasonFor(token), "token over 8 KB");
}

TEST(TokenParser, RefusesJsonThatIsBrokenDeepOrAmbiguous) {
  EXPECT_EQ(ReasonFor(Join("[]", "{}")), "JSON is not an object");
  EXPECT_EQ(ReasonFor(Join(kHeader, "\"x\"")), "JSON is not an object");
  EXPECT_EQ(ReasonFor(Join("{", "{}")), "not valid JSON");
  EXPECT_EQ(ReasonFor(Join(kHeader, "{\"exp\":NaN}")), "not valid JSON");
  EXPECT_EQ(ReasonFor(Join(R"({"alg":"none","alg":"RS256"})", "{}")), "JSON name given twice");
  EXPECT_EQ(ClaimsReason(R"({"exp":1,"exp":9999999999})"), "JSON name given twice");
  EXPECT_EQ(ClaimsReason(R"({"scope":"a","sc\u006fpe":"b"})"), "JSON name given twice");
  EXPECT_EQ(ClaimsReason(absl::StrCat("{\"a\":", std::string(7, '['), std::string(7, ']'), "}")), "");
  EXPECT_EQ(ClaimsReason(absl::StrCat("{\"a\":", std::string(8, '['), std::string(8, ']'), "}")),
            "JSON nested too deeply");
}

TEST(TokenParser, NotesCriticalExtensionsWhateverTheyHold) {
  ParsedToken parsed;
  ASSERT_TRUE(ParseToken(Join(R"({"alg":"RS256","crit":null})", "{}"), {}, &parsed).ok());
  EXPECT_TRUE(parsed.header.has_critical);
  ASSERT_TRUE(ParseToken(Join(R"({"alg":"RS256","b64":true})", "{}"), {}, &parsed).ok());
  EXPECT_TRUE(parsed.header.has_b64);
  EXPECT_FALSE(parsed.header.has_critical);
}

TEST(TokenParser, RefusesMembersOfAWrongType) {
  EXPECT_EQ(ReasonFor(Join(R"({"alg":["RS256"]})", "{}")), "alg is not a string");
  EXPECT_EQ(ReasonFor(Join(R"({"alg":"RS256","kid":1})", "{}")), "kid is not a string");
  EXPECT_EQ(ClaimsReason(R"({"iss":["i"]})"), "iss is not a string");
  EXPECT_EQ(ClaimsReason(R"({"sub":1})"), "sub is not a string");
  EXPECT_EQ(ClaimsReason(R"({"client_id":["c"]})"), "client_id is not a string");
  EXPECT_EQ(ClaimsReason(R"({"token_use":null})"), "token_use is not a string");
  EXPECT_EQ(ClaimsReason(R"({"username":{}})"), "username is not a string");
  EXPECT_EQ(ClaimsReason(R"({"scope":1})"), "scope claim of a wrong type");
  EXPECT_EQ(ClaimsReason(R"({"scope":["a",1]})"), "scope claim of a wrong type");
  EXPECT_EQ(ClaimsReason(R"({"cognito:groups":"admins"})"), "cognito:groups is not a list of strings");
  EXPECT_EQ(ClaimsReason(R"({"cognito:groups":[1]})"), "cognito:groups is not a list of strings");
}

TEST(TokenParser, DatesAreFiniteNumbersFrom1970To9999) {
  for (const char* name : {"exp", "nbf", "iat"}) {
    const std::string wrong = absl::StrCat(name, " is not a date");
    for (const char* bad : {"\"1700000000\"", "null", "true", "[]", "{}", "-1", "-0.5", "253402300800", "1e300",
                            "18446744073709551615", "-9223372036854775808", "123456789012345678901234567890"}) {
      EXPECT_EQ(ClaimsReason(absl::StrCat("{\"", name, "\":", bad, "}")), wrong) << bad;
    }
    for (const char* bad : {"1e999", "-1e999", "Infinity", "0x10", "1_000"}) {
      EXPECT_EQ(ClaimsReason(absl::StrCat("{\"", name, "\":", bad, "}")), "not valid JSON") << bad;
    }
  }
  EXPECT_EQ(Claims(R"({"exp":1700000000.25})").expires, absl::FromUnixSeconds(1700000000) + absl::Milliseconds(250));
  EXPECT_EQ(Claims(R"({"exp":1.7e9})").expires, absl::FromUnixSeconds(1700000000));
  EXPECT_EQ(Claims(R"({"exp":253402300799})").expires, absl::FromUnixSeconds(253402300799));
  EXPECT_FALSE(Claims("{}").expires.has_value());
}

TEST(TokenParser, AScopeClaimIsASetOfWordsPartedBySpacesAlone) {
  EXPECT_THAT(Claims(R"({"scope":"b/x a/y b/x"})").scopes, ElementsAre("a/y", "b/x"));
  EXPECT_THAT(Claims(R"({"scope":"  a   b "})").scopes, ElementsAre("a", "b"));
  EXPECT_THAT(Claims(R"({"scope":"a\tb,c"})").scopes, ElementsAre("a\tb,c"));
  EXPECT_THAT(Claims(R"({"scope":""})").scopes, IsEmpty());
  EXPECT_THAT(Claims("{}").scopes, IsEmpty());
}

TEST(TokenParser, ReadsTheScopesFromTheConfiguredClaimAlone) {
  const ClaimNames names{.scope = "permissions", .roles = "", .tenant = ""};
  EXPECT_THAT(Claims(R"({"permissions":["b","a"],"scope":"c"})", names).scopes, ElementsAre("a", "b"));
  EXPECT_THAT(Claims(R"({"scope":"c"})", names).scopes, IsEmpty());
}

TEST(TokenParser, GroupsAndTheConfiguredRolesComeTogether) {
  const ClaimNames names{.scope = "scope", .roles = "custom:roles", .tenant = ""};
  EXPECT_THAT(Claims(R"({"cognito:groups":["b"],"custom:roles":["a","b"]})", names).groups, ElementsAre("a", "b"));
  EXPECT_THAT(Claims(R"({"custom:roles":"site admin"})", names).groups, ElementsAre("site admin"));
  EXPECT_THAT(Claims(R"({"custom:roles":["a"]})").groups, IsEmpty());
  EXPECT_EQ(ClaimsReason(R"({"custom:roles":7})", names), "roles claim of a wrong type");
}

TEST(TokenParser, ReadsTheConfiguredTenant) {
  const ClaimNames names{.scope = "scope", .roles = "", .tenant = "custom:tenant"};
  EXPECT_EQ(Claims(R"({"custom:tenant":"acme"})", names).tenant, "acme");
  EXPECT_FALSE(Claims(R"({"custom:tenant":"acme"})").tenant.has_value());
  EXPECT_EQ(ClaimsReason(R"({"custom:tenant":["acme"]})", names), "tenant claim of a wrong type");
}

TEST(TokenParser, AClaimWithoutANameStandsForNothingThatIsNotConfigured) {
  const TokenClaims claims = Claims(R"({"":"admins"})");
  EXPECT_THAT(claims.groups, IsEmpty());
  EXPECT_FALSE(claims.tenant.has_value());
}

}  // namespace
}  // namespace stratus::auth
