#include "services/provisioning/domain/credential_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/core/status.h"

namespace stratus::provisioning::domain {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Variables = std::map<std::string, std::string>;

std::string Refusal(std::string_view id, const Variables& variables) {
  Violations violations;
  CheckCredentialVariables(id, variables, "variables", &violations);
  return std::string(violations.ToStatus().message());
}

TEST(CredentialRules, NamesAreOfATenantOrOfAStack) {
  const auto tenant = ParseCredentialName("credentials/digitalocean");
  ASSERT_TRUE(tenant);
  EXPECT_EQ(tenant->stack, "");
  const auto stack = ParseCredentialName("stacks/web/credentials/acme.rockets");
  ASSERT_TRUE(stack);
  EXPECT_EQ(stack->stack, "web");
  EXPECT_EQ(stack->provider, "acme.rockets");
  EXPECT_EQ(CredentialNameOf("web", "aws"), "stacks/web/credentials/aws");
  EXPECT_EQ(CredentialNameOf("", "aws"), "credentials/aws");
  for (const char* name :
       {"", "credentials", "credentials/", "credentials/azure", "credentials/a.b/c", "credentials/.b", "credentials/a.",
        "credentials/A.b", "credentials/hashicorp.aws", "credentials/digitalocean.digitalocean", "credentials/a.b.c",
        "stacks/Web/credentials/aws", "stacks//credentials/aws", "stacks/web/credentials/aws/x", "x/aws"}) {
    EXPECT_FALSE(ParseCredentialName(name)) << name;
  }
}

TEST(CredentialRules, AProvidersIdComesFromItsAddress) {
  EXPECT_EQ(CredentialIdOf("registry.opentofu.org/digitalocean/digitalocean"), "digitalocean");
  EXPECT_EQ(CredentialIdOf("registry.terraform.io/hashicorp/aws"), "aws");
  EXPECT_EQ(CredentialIdOf("example.com/acme/rockets"), "acme.rockets");
  EXPECT_EQ(CredentialIdOf("notdigitalocean/digitalocean"), "notdigitalocean.digitalocean");
  EXPECT_EQ(SourceOfCredentialId("aws"), "hashicorp/aws");
  EXPECT_EQ(SourceOfCredentialId("acme.rockets"), "acme/rockets");
}

TEST(CredentialRules, AListedProviderTakesItsOwnVariables) {
  EXPECT_EQ(Refusal("digitalocean", {{"DIGITALOCEAN_TOKEN", "t"}, {"SPACES_ACCESS_KEY_ID", "k"}}), "");
  EXPECT_THAT(Refusal("digitalocean", {{"SPACES_ACCESS_KEY_ID", "k"}}), HasSubstr("DIGITALOCEAN_TOKEN: is required"));
  EXPECT_THAT(Refusal("aws", {{"AWS_ACCESS_KEY_ID", "k"}}), HasSubstr("AWS_SECRET_ACCESS_KEY"));
  // Where tokens are sent to is not the tenant's to say.
  EXPECT_THAT(Refusal("digitalocean", {{"DIGITALOCEAN_TOKEN", "t"}, {"DIGITALOCEAN_API_URL", "http://x"}}),
              HasSubstr("DIGITALOCEAN_API_URL"));
  EXPECT_THAT(Refusal("aws", {{"AWS_ACCESS_KEY_ID", "k"}, {"AWS_SECRET_ACCESS_KEY", "s"}, {"AWS_PROFILE", "p"}}),
              HasSubstr("AWS_PROFILE"));
}

TEST(CredentialRules, NothingThatSteersTheEngineOrPrograms) {
  EXPECT_EQ(Refusal("acme.rockets", {{"ROCKETS_KEY", "-----BEGIN\nKEY-----"}, {"GOOGLE_CREDENTIALS", "{}"}}), "");
  for (const char* name : {"TF_LOG",
                           "TF_CLI_ARGS",
                           "TF_VAR_x",
                           "TF_VAR_X",
                           "TOFU_X",
                           "LD_PRELOAD",
                           "PATH",
                           "HOME",
                           "HTTPS_PROXY",
                           "ALL_PROXY",
                           "NO_PROXY",
                           "GODEBUG",
                           "SSL_CERT_FILE",
                           "SSL_CERT_DIR",
                           "STRATUS_RUN",
                           "BASH_ENV",
                           "ENV",
                           "PYTHONPATH",
                           "NODE_OPTIONS",
                           "GIT_SSH_COMMAND",
                           "TMPDIR",
                           "REQUESTS_CA_BUNDLE",
                           "lower",
                           "9A",
                           "A-B",
                           "A=B",
                           "",
                           "DIGITALOCEAN_API_URL",
                           "DIGITALOCEAN_TOKEN",
                           "AWS_ENDPOINT_URL",
                           "SPACES_ENDPOINT_URL"}) {
    EXPECT_THAT(Refusal("acme.rockets", {{name, "v"}}), HasSubstr("cannot be set")) << name;
  }
}

TEST(CredentialRules, ValuesAreBoundedAndNeverRepeated) {
  EXPECT_THAT(Refusal("acme.rockets", {{"KEY", ""}}), HasSubstr("bytes"));
  EXPECT_THAT(Refusal("acme.rockets", {{"KEY", std::string("a\0b", 3)}}), HasSubstr("NUL"));
  EXPECT_THAT(Refusal("acme.rockets", {{"KEY", std::string(kCredentialValueBytesMax + 1, 'x')}}), HasSubstr("bytes"));
  Variables many;
  for (int i = 0; i < 17; ++i) many["KEY_" + std::to_string(i)] = "v";
  EXPECT_THAT(Refusal("acme.rockets", many), HasSubstr("at most 16"));
  Variables large;
  for (int i = 0; i < 3; ++i) large["KEY_" + std::to_string(i)] = std::string(kCredentialValueBytesMax, 'x');
  EXPECT_THAT(Refusal("acme.rockets", large), HasSubstr("together"));
  EXPECT_THAT(Refusal("acme.rockets", {}), HasSubstr("at least"));
  EXPECT_THAT(Refusal("acme.rockets", {{"hush-hush-value", "ROCKETS_KEY"}}), Not(HasSubstr("hush-hush")));
  EXPECT_THAT(Refusal("digitalocean", {{"TF_LOG", "hush-hush"}}), Not(HasSubstr("hush-hush")));
}

}  // namespace
}  // namespace stratus::provisioning::domain
