#include "lib/auth/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

namespace stratus::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

Environment From(Variables variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(std::string(name));
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

std::string ErrorOf(Variables variables) {
  const auto options = OptionsFromEnvironment(From(std::move(variables)));
  EXPECT_EQ(options.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(options.status().message());
}

TEST(AuthEnvironment, RegionAndPoolGiveIssuerAndKeys) {
  const auto options = OptionsFromEnvironment(From({{"AWS_DEFAULT_REGION", "eu-west-1"},
                                                    {"COGNITO_USER_POOL_ID", "eu-west-1_Ab12"},
                                                    {"COGNITO_APP_CLIENT_ID", "one, two"}}));
  ASSERT_TRUE(options.ok()) << options.status();
  ASSERT_EQ(options->issuers.size(), 2u);
  const IssuerOptions& first = options->issuers[0];
  EXPECT_EQ(first.issuer, "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12");
  EXPECT_EQ(first.jwks_url, "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12/.well-known/jwks.json");
  EXPECT_FALSE(first.lazy);
  const IssuerOptions& second = options->issuers[1];
  EXPECT_EQ(second.issuer, "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12");
  EXPECT_EQ(second.jwks_url, second.issuer + "/.well-known/jwks.json");
  EXPECT_EQ(second.identity, first.issuer);
  EXPECT_TRUE(second.lazy);
  EXPECT_THAT(options->client_ids, ElementsAre("one", "two"));
  EXPECT_FALSE(options->any_client);
  EXPECT_EQ(options->claims.scope, "scope");
}

TEST(AuthEnvironment, ThePoolNamesItsRegionWhenNoVariableDoes) {
  const auto options =
      OptionsFromEnvironment(From({{"COGNITO_USER_POOL_ID", "us-east-2_X9"}, {"COGNITO_APP_CLIENT_ID", "one"}}));
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->issuers[0].issuer, "https://cognito-idp.us-east-2.amazonaws.com/us-east-2_X9");
}

TEST(AuthEnvironment, ChinaHasADomainOfItsOwn) {
  const auto options =
      OptionsFromEnvironment(From({{"COGNITO_USER_POOL_ID", "cn-north-1_X9"}, {"COGNITO_APP_CLIENT_ID", "one"}}));
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->issuers[0].issuer, "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_X9");
  EXPECT_EQ(options->issuers[1].issuer, "https://issuer-cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_X9");
}

TEST(AuthEnvironment, TakesAListOfIssuers) {
  const auto options = OptionsFromEnvironment(From({{"COGNITO_ISSUER", "https://a.example/x, https://b.example/"},
                                                    {"COGNITO_APP_CLIENT_ID", "one"},
                                                    {"JWK_REFRESH_SECONDS", "30"}}));
  ASSERT_TRUE(options.ok()) << options.status();
  ASSERT_EQ(options->issuers.size(), 2u);
  EXPECT_EQ(options->issuers[1].issuer, "https://b.example/");
  EXPECT_EQ(options->issuers[1].jwks_url, "https://b.example/.well-known/jwks.json");
  EXPECT_EQ(options->issuers[1].identity, "");
  EXPECT_FALSE(options->issuers[1].lazy);
  EXPECT_EQ(options->jwks.refresh_interval, absl::Seconds(30));
}

TEST(AuthEnvironment, RefusesWhatAListCannotMean) {
  EXPECT_THAT(ErrorOf({{"COGNITO_ISSUER", "https://a.example,https://b.example"},
                       {"JWK_URL", "https://keys.example"},
                       {"COGNITO_APP_CLIENT_ID", "one"}}),
              HasSubstr("JWK_URL: is set beside 2 issuers"));
  EXPECT_THAT(ErrorOf({{"COGNITO_ISSUER", "https://a.example,https://a.example"}, {"COGNITO_APP_CLIENT_ID", "one"}}),
              HasSubstr("twice"));
  EXPECT_THAT(ErrorOf({{"COGNITO_ISSUER", "https://a.example,"}, {"COGNITO_APP_CLIENT_ID", "one"}}),
              HasSubstr("COGNITO_ISSUER: is not a URL"));
  for (const char* bad : {"0", "86401", "soon", "1.5"}) {
    EXPECT_THAT(
        ErrorOf(
            {{"COGNITO_ISSUER", "https://a.example"}, {"COGNITO_APP_CLIENT_ID", "one"}, {"JWK_REFRESH_SECONDS", bad}}),
        HasSubstr("JWK_REFRESH_SECONDS"));
  }
}

TEST(AuthEnvironment, AKeyUrlIsThatOfAPoolsFirstIssuer) {
  const auto options = OptionsFromEnvironment(From({{"COGNITO_USER_POOL_ID", "eu-west-1_Ab12"},
                                                    {"JWK_URL", "https://mirror.example/jwks"},
                                                    {"COGNITO_APP_CLIENT_ID", "one"}}));
  ASSERT_TRUE(options.ok()) << options.status();
  ASSERT_EQ(options->issuers.size(), 1u);
  EXPECT_EQ(options->issuers[0].jwks_url, "https://mirror.example/jwks");
}

TEST(AuthEnvironment, IssuerAndKeyUrlOverrideThePool) {
  const auto options = OptionsFromEnvironment(From({{"AWS_DEFAULT_REGION", "us-east-1"},
                                                    {"COGNITO_USER_POOL_ID", "eu-west-1_Ab12"},
                                                    {"COGNITO_ISSUER", "https://issuer.example.com/"},
                                                    {"JWK_URL", "https://keys.example.com/jwks?v=1"},
                                                    {"COGNITO_APP_CLIENT_ID", "*"},
                                                    {"COGNITO_SCOPE_KEY", "permissions"},
                                                    {"COGNITO_TENANT_KEY", "org"}}));
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->issuers[0].issuer, "https://issuer.example.com/");
  EXPECT_EQ(options->issuers[0].jwks_url, "https://keys.example.com/jwks?v=1");
  EXPECT_TRUE(options->any_client);
  EXPECT_EQ(options->claims.scope, "permissions");
  EXPECT_EQ(options->claims.tenant, "org");
}

TEST(AuthEnvironment, AnIssuerAloneGivesItsKeyUrl) {
  for (const char* issuer : {"https://issuer.example.com/pool", "https://issuer.example.com/pool/"}) {
    const auto options = OptionsFromEnvironment(From({{"COGNITO_ISSUER", issuer}, {"COGNITO_APP_CLIENT_ID", "one"}}));
    ASSERT_TRUE(options.ok()) << options.status();
    EXPECT_EQ(options->issuers[0].issuer, issuer);  // compared with `iss` as it is
    EXPECT_EQ(options->issuers[0].jwks_url, "https://issuer.example.com/pool/.well-known/jwks.json");
  }
}

TEST(AuthEnvironment, SaysWhatIsMissing) {
  EXPECT_THAT(ErrorOf({}), HasSubstr("COGNITO_USER_POOL_ID"));
  EXPECT_THAT(ErrorOf({{"AWS_DEFAULT_REGION", "eu-west-1"}}), HasSubstr("COGNITO_ISSUER"));
  EXPECT_THAT(ErrorOf({{"JWK_URL", "https://a.example/jwks"}}), HasSubstr("JWK_URL: is set without an issuer"));
  EXPECT_THAT(ErrorOf({{"COGNITO_USER_POOL_ID", "eu-west-1_Ab12"}}), HasSubstr("COGNITO_APP_CLIENT_ID: is not set"));
  EXPECT_THAT(ErrorOf({{"COGNITO_USER_POOL_ID", ""}, {"COGNITO_ISSUER", ""}}), HasSubstr("is not set"));
}

TEST(AuthEnvironment, SaysWhatContradicts) {
  const std::string error = ErrorOf({{"AWS_DEFAULT_REGION", "us-east-1"},
                                     {"COGNITO_USER_POOL_ID", "eu-west-1_Ab12"},
                                     {"COGNITO_APP_CLIENT_ID", "one"}});
  EXPECT_THAT(error, HasSubstr("lies in region eu-west-1, but AWS_DEFAULT_REGION is us-east-1"));
  for (const char* clients : {"one,*", "one,,two", ",", " "}) {
    EXPECT_THAT(ErrorOf({{"COGNITO_USER_POOL_ID", "eu-west-1_A"}, {"COGNITO_APP_CLIENT_ID", clients}}),
                HasSubstr("COGNITO_APP_CLIENT_ID: "))
        << clients;
  }
}

TEST(AuthEnvironment, RefusesPoolsThatAreNone) {
  for (const char* pool : {"eu-west-1", "_Ab", "eu-west-1_", "evil.example/_Ab", "eu-west-1_a/b", "EU_Ab"}) {
    EXPECT_THAT(ErrorOf({{"COGNITO_USER_POOL_ID", pool}, {"COGNITO_APP_CLIENT_ID", "one"}}),
                HasSubstr("COGNITO_USER_POOL_ID: expected"))
        << pool;
  }
}

TEST(AuthEnvironment, KeysComeOverHttpsOrFromThisMachine) {
  const auto with_url = [](const std::string& url, bool allow_http) {
    return OptionsFromEnvironment(
               From({{"COGNITO_ISSUER", "https://a.example"}, {"JWK_URL", url}, {"COGNITO_APP_CLIENT_ID", "one"}}),
               allow_http)
        .ok();
  };
  for (const char* good :
       {"https://keys.example/j", "http://127.0.0.1:8090/j", "http://localhost:1/", "http://[::1]:1"}) {
    EXPECT_TRUE(with_url(good, false)) << good;
  }
  for (const char* bad :
       {"http://keys.example/j", "http://127.0.0.1.evil.example/", "http://localhost@evil.example/"}) {
    EXPECT_FALSE(with_url(bad, false)) << bad;
  }
  EXPECT_TRUE(with_url("http://sandbox:8090/jwks", true));
  for (const char* bad :
       {"ftp://a.example/", "a.example", "https://", "https://a b", "https://a/#x", "file:///etc/x"}) {
    EXPECT_FALSE(with_url(bad, true)) << bad;
  }
}

TEST(AuthEnvironment, TellsWhetherAnIssuerIsNamedAtAll) {
  EXPECT_FALSE(NamesAnIssuer(From({})));
  EXPECT_FALSE(NamesAnIssuer(From({{"AWS_DEFAULT_REGION", "eu-west-1"}, {"COGNITO_USER_POOL_ID", ""}})));
  EXPECT_TRUE(NamesAnIssuer(From({{"COGNITO_USER_POOL_ID", "x"}})));
  EXPECT_TRUE(NamesAnIssuer(From({{"COGNITO_ISSUER", "x"}})));
  EXPECT_TRUE(NamesAnIssuer(From({{"JWK_URL", "x"}})));
}

TEST(AuthEnvironment, ReadsTheProcessEnvironment) {
  ASSERT_EQ(setenv("STRATUS_AUTH_TEST_VARIABLE", "value", 1), 0);
  EXPECT_EQ(ProcessEnvironment()("STRATUS_AUTH_TEST_VARIABLE"), "value");
  ASSERT_EQ(unsetenv("STRATUS_AUTH_TEST_VARIABLE"), 0);
  EXPECT_EQ(ProcessEnvironment()("STRATUS_AUTH_TEST_VARIABLE"), std::nullopt);
}

}  // namespace
}  // namespace stratus::auth
