#include "services/sandbox/issuer.h"

#include <gmock/gmock.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "services/sandbox/sandbox_fixture.h"

namespace stratus::sandbox {
namespace {

using testing::ElementsAre;

constexpr char kBasic[] = "Basic ZGV2OmRldi1zZWNyZXQ=";  // dev:dev-secret
constexpr int64_t kNow = 1768435200;

std::string FromBase64Url(const std::string& text) {
  std::string bytes;
  EXPECT_TRUE(absl::WebSafeBase64Unescape(text, &bytes)) << text;
  return bytes;
}

struct Token {
  explicit Token(const std::string& text) : parts(absl::StrSplit(text, '.')) {
    EXPECT_EQ(parts.size(), 3u);
    header = Json::parse(FromBase64Url(parts.at(0)));
    claims = Json::parse(FromBase64Url(parts.at(1)));
  }
  std::vector<std::string> parts;
  Json header;
  Json claims;
};

// Verifies with nothing but what the key set says.
bool Verifies(const Token& token, const Json& jwk) {
  const std::string n = FromBase64Url(jwk["n"].get<std::string>());
  const std::string e = FromBase64Url(jwk["e"].get<std::string>());
  const std::unique_ptr<BIGNUM, void (*)(BIGNUM*)> modulus(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(n.data()), static_cast<int>(n.size()), nullptr), BN_free);
  const std::unique_ptr<BIGNUM, void (*)(BIGNUM*)> exponent(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(e.data()), static_cast<int>(e.size()), nullptr), BN_free);
  const std::unique_ptr<OSSL_PARAM_BLD, void (*)(OSSL_PARAM_BLD*)> builder(OSSL_PARAM_BLD_new(), OSSL_PARAM_BLD_free);
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  const std::unique_ptr<OSSL_PARAM, void (*)(OSSL_PARAM*)> params(OSSL_PARAM_BLD_to_param(builder.get()),
                                                                  OSSL_PARAM_free);
  const std::unique_ptr<EVP_PKEY_CTX, void (*)(EVP_PKEY_CTX*)> making(
      EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr), EVP_PKEY_CTX_free);
  EVP_PKEY* raw = nullptr;
  EVP_PKEY_fromdata_init(making.get());
  if (EVP_PKEY_fromdata(making.get(), &raw, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) return false;
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(raw, EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const std::string signed_part = token.parts[0] + "." + token.parts[1];
  const std::string signature = FromBase64Url(token.parts[2]);
  return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                          reinterpret_cast<const unsigned char*>(signed_part.data()), signed_part.size()) == 1;
}

class IssuerTest : public SandboxTest {
 protected:
  Json Keys() { return Get("/us-east-1_sandbox/.well-known/jwks.json").json["keys"]; }

  Token Mint(const Json& request) {
    const Reply reply = PostJson("/admin/token", request);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return Token(reply.json["access_token"].get<std::string>());
  }

  std::string TokenError(const std::string& form, const std::string& authorization = "") {
    const Reply reply = PostForm("/oauth2/token", form, authorization);
    EXPECT_EQ(reply.status, 400) << form << ": " << reply.body;
    return reply.json.value("error", "");
  }
};

TEST_F(IssuerTest, GivesAClientTokenOfCognitosShape) {
  const Reply reply = PostForm("/oauth2/token", "grant_type=client_credentials&scope=test%2Fweatherforcastapi", kBasic);
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.json["expires_in"], 3600);
  EXPECT_EQ(reply.json["token_type"], "Bearer");
  EXPECT_EQ(reply.json.size(), 3u);
  EXPECT_EQ(reply.response.Header("cache-control"), "no-store");

  const Token token(reply.json["access_token"].get<std::string>());
  EXPECT_EQ(token.header.size(), 2u) << token.header;
  EXPECT_EQ(token.header["alg"], "RS256");
  EXPECT_EQ(token.claims["iss"], sandbox_->issuer_url());
  EXPECT_EQ(token.claims["sub"], "dev");
  EXPECT_EQ(token.claims["client_id"], "dev");
  EXPECT_EQ(token.claims["token_use"], "access");
  EXPECT_EQ(token.claims["scope"], "test/weatherforcastapi");
  EXPECT_EQ(token.claims["version"], 2);
  EXPECT_EQ(token.claims["auth_time"], kNow);
  EXPECT_EQ(token.claims["iat"], kNow);
  EXPECT_EQ(token.claims["exp"], kNow + 3600);
  EXPECT_EQ(token.claims["jti"].get<std::string>().size(), 36u);
  for (const char* absent : {"aud", "cognito:groups", "username", "nbf"}) EXPECT_FALSE(token.claims.contains(absent));

  const Json keys = Keys();
  ASSERT_EQ(keys.size(), 1u);
  EXPECT_EQ(keys[0]["kid"], token.header["kid"]);
  EXPECT_EQ(keys[0]["kty"], "RSA");
  EXPECT_EQ(keys[0]["alg"], "RS256");
  EXPECT_EQ(keys[0]["use"], "sig");
  EXPECT_TRUE(Verifies(token, keys[0]));
}

TEST_F(IssuerTest, TakesTheSecretByBasicOrInTheBodyButNotBoth) {
  EXPECT_EQ(PostForm("/oauth2/token", "grant_type=client_credentials", kBasic).status, 200);
  EXPECT_EQ(PostForm("/oauth2/token", "grant_type=client_credentials&client_id=dev", kBasic).status, 200);
  EXPECT_EQ(PostForm("/oauth2/token", "grant_type=client_credentials&client_id=dev&client_secret=dev-secret").status,
            200);
  EXPECT_EQ(TokenError("grant_type=client_credentials&client_secret=dev-secret", kBasic), "invalid_client");
  EXPECT_EQ(TokenError("grant_type=client_credentials&client_id=other", kBasic), "invalid_client");
}

TEST_F(IssuerTest, GivesAllOfTheClientsScopesWhenNoneIsAskedFor) {
  ASSERT_EQ(PostJson("/admin/clients",
                     {{"client_id", "two"}, {"client_secret", "s"}, {"scopes", {"test/a", "test/b", "test/c"}}})
                .status,
            201);
  const Reply reply = PostForm("/oauth2/token", "grant_type=client_credentials&client_id=two&client_secret=s");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(Token(reply.json["access_token"].get<std::string>()).claims["scope"], "test/a test/b test/c");
}

TEST_F(IssuerTest, RefusesWhatCognitoRefuses) {
  EXPECT_EQ(TokenError("grant_type=client_credentials"), "invalid_client");
  EXPECT_EQ(TokenError("grant_type=client_credentials&client_id=dev&client_secret=wrong"), "invalid_client");
  EXPECT_EQ(TokenError("grant_type=client_credentials&client_id=nobody&client_secret=x"), "invalid_client");
  EXPECT_EQ(TokenError("grant_type=client_credentials", "Basic !!!"), "invalid_client");
  EXPECT_EQ(TokenError("grant_type=client_credentials", "Bearer abc"), "invalid_client");
  EXPECT_EQ(TokenError("grant_type=client_credentials&scope=other/scope", kBasic), "invalid_scope");
  EXPECT_EQ(TokenError("grant_type=client_credentials&scope=TEST/weatherforcastapi", kBasic), "invalid_scope");
  EXPECT_EQ(TokenError("grant_type=password&username=u&password=p", kBasic), "unsupported_grant_type");
  EXPECT_EQ(TokenError("grant_type=authorization_code&code=never-issued", kBasic), "invalid_grant");
  EXPECT_EQ(TokenError("grant_type=refresh_token&refresh_token=never-issued", kBasic), "invalid_grant");
  EXPECT_EQ(TokenError("scope=test/weatherforcastapi", kBasic), "invalid_request");
  EXPECT_EQ(TokenError("grant_type=client_credentials&grant_type=client_credentials", kBasic), "invalid_request");
  const Reply json = PostJson("/oauth2/token", {{"grant_type", "client_credentials"}});
  EXPECT_EQ(json.status, 400);
  EXPECT_EQ(json.json["error"], "invalid_request");
  EXPECT_EQ(Get("/oauth2/token").status, 405);
}

TEST_F(IssuerTest, DiscoveryPointsAtWhatIsThere) {
  const Json discovery = Get("/us-east-1_sandbox/.well-known/openid-configuration").json;
  EXPECT_EQ(discovery["issuer"], sandbox_->issuer_url());
  EXPECT_EQ(discovery["jwks_uri"], sandbox_->issuer_url() + "/.well-known/jwks.json");
  EXPECT_EQ(discovery["token_endpoint"], sandbox_->base_url() + "/oauth2/token");
  EXPECT_THAT(discovery["id_token_signing_alg_values_supported"], ElementsAre("RS256"));
  EXPECT_EQ(Send({.url = discovery["jwks_uri"].get<std::string>()}).status, 200);
}

TEST_F(IssuerTest, RotationOverlapsUntilTheOldKeysAreDropped) {
  const Token old = Mint({{"client_id", "dev"}});
  const Reply rotated = PostJson("/admin/rotate", Json::object());
  ASSERT_EQ(rotated.status, 200) << rotated.body;
  const Token fresh = Mint({{"client_id", "dev"}});
  EXPECT_EQ(fresh.header["kid"], rotated.json["kid"]);
  EXPECT_NE(fresh.header["kid"], old.header["kid"]);
  Json keys = Keys();
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_TRUE(Verifies(fresh, keys[0]));
  EXPECT_TRUE(Verifies(old, keys[1]));
  EXPECT_FALSE(Verifies(old, keys[0]));

  ASSERT_EQ(PostJson("/admin/rotate?drop_old=true", Json::object()).status, 200);
  keys = Keys();
  ASSERT_EQ(keys.size(), 1u);
  EXPECT_NE(keys[0]["kid"], fresh.header["kid"]);
  EXPECT_EQ(PostJson("/admin/rotate?drop_old=maybe", Json::object()).status, 400);
}

TEST_F(IssuerTest, MintsTokensOfChosenScopeAndLifeAndRegistersTheirClient) {
  const Token token = Mint({{"client_id", "new"}, {"scope", "a/b c/d"}, {"ttl_seconds", -60}});
  EXPECT_EQ(token.claims["sub"], "new");
  EXPECT_EQ(token.claims["scope"], "a/b c/d");
  EXPECT_EQ(token.claims["exp"], kNow - 60);
  EXPECT_EQ(Mint({{"client_id", "new"}}).claims["scope"], "a/b c/d") << "the scopes it was registered with";
  EXPECT_EQ(Mint({{"client_id", "dev"}}).claims["scope"], absl::StrJoin(EveryScope(), " "));
  EXPECT_TRUE(Verifies(token, Keys()[0]));
}

TEST_F(IssuerTest, MintsUserTokensWithGroupsAndARolesClaim) {
  const Token token = Mint({{"client_id", "web"},
                            {"username", "ann"},
                            {"groups", {"ops", "admins", "readers"}},
                            {"roles_claim", "https://example.com/roles"},
                            {"roles", {"manager", "editor", "viewer"}}});
  EXPECT_EQ(token.claims["username"], "ann");
  EXPECT_EQ(token.claims["client_id"], "web");
  EXPECT_NE(token.claims["sub"], "web");
  EXPECT_EQ(token.claims["sub"], Mint({{"client_id", "app"}, {"username", "ann"}}).claims["sub"]) << "a user is one";
  EXPECT_NE(token.claims["sub"], Mint({{"client_id", "web"}, {"username", "bob"}}).claims["sub"]);
  EXPECT_THAT(token.claims["cognito:groups"], ElementsAre("ops", "admins", "readers"));
  EXPECT_THAT(token.claims["https://example.com/roles"], ElementsAre("manager", "editor", "viewer"));
  EXPECT_TRUE(Verifies(token, Keys()[0]));
}

TEST_F(IssuerTest, ClaimsCanBeReplacedAndTakenAwayForTestsOfVerifiers) {
  const Token token =
      Mint({{"client_id", "dev"}, {"claims", {{"iss", "https://elsewhere"}, {"exp", nullptr}, {"nbf", kNow + 60}}}});
  EXPECT_EQ(token.claims["iss"], "https://elsewhere");
  EXPECT_EQ(token.claims["nbf"], kNow + 60);
  EXPECT_FALSE(token.claims.contains("exp"));
}

TEST_F(IssuerTest, RefusesControlsThatItDoesNotUnderstand) {
  const auto message = [&](const char* path, const Json& body) {
    const Reply reply = PostJson(path, body);
    EXPECT_EQ(reply.status, 400) << reply.body;
    return reply.json.value("message", "");
  };
  EXPECT_EQ(message("/admin/token", {{"client_id", "a"}, {"tll_seconds", 1}}), "unknown member 'tll_seconds'");
  EXPECT_EQ(message("/admin/token", {{"client_id", "a"}, {"ttl_seconds", "1"}}),
            "'ttl_seconds' must be a whole number");
  EXPECT_EQ(message("/admin/token", {{"client_id", "a"}, {"groups", "ops"}}), "'groups' must be an array of strings");
  EXPECT_THAT(message("/admin/token", {{"client_id", ""}}), testing::HasSubstr("'client_id' must be"));
  EXPECT_THAT(message("/admin/token", {{"client_id", "a"}, {"roles", {"x", "y", "z"}}}),
              testing::HasSubstr("'roles' needs 'roles_claim'"));
  EXPECT_EQ(message("/admin/token", Json::array({1})), "the body must be a JSON object");
  EXPECT_EQ(PostForm("/admin/token", "client_id=dev").status, 400) << "a form from some web page";
}

}  // namespace
}  // namespace stratus::sandbox
