#include "services/provisioning/service/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "lib/core/status.h"

namespace stratus::provisioning::service {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

class CredentialsTest : public ::testing::Test {
 protected:
  CredentialsTest() {
    std::string pattern = ::testing::TempDir() + "credentials-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~CredentialsTest() override { std::filesystem::remove_all(folder_); }

  absl::StatusOr<std::unique_ptr<Credentials>> Load(const std::string& yaml, Credentials::Variables global = {},
                                                    mode_t mode = 0600, ServerCredentialUse use = {}) {
    const std::string path = folder_ + "/secrets.yaml";
    std::ofstream(path) << yaml;
    chmod(path.c_str(), mode);
    return Credentials::Load({path, std::move(global), std::move(use)});
  }

  // What a run of the tenant gets for the provider.
  static Credentials::Variables For(const Credentials& credentials, std::string_view tenant,
                                    std::string_view provider) {
    const auto found = credentials.Find(tenant, provider);
    return found ? found->variables : Credentials::Variables();
  }

  std::string folder_;
};

constexpr char kDigitalOcean[] = "registry.opentofu.org/digitalocean/digitalocean";

TEST_F(CredentialsTest, ATenantsOwnBeatTheServers) {
  const auto credentials = Load("tenants: {ann: {DIGITALOCEAN_TOKEN: anns}}", {{"DIGITALOCEAN_TOKEN", "ours"}});
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_THAT(For(**credentials, "ann", kDigitalOcean), ElementsAre(Pair("DIGITALOCEAN_TOKEN", "anns")));
  EXPECT_THAT(For(**credentials, "bob", kDigitalOcean), ElementsAre(Pair("DIGITALOCEAN_TOKEN", "ours")));
}

TEST_F(CredentialsTest, ATenantsTokenNeverGoesToTheServersAddress) {
  const auto credentials = Load("tenants: {ann: {DIGITALOCEAN_TOKEN: anns}}",
                                {{"DIGITALOCEAN_TOKEN", "ours"}, {"DIGITALOCEAN_API_URL", "http://sandbox"}});
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_THAT(For(**credentials, "ann", kDigitalOcean), ElementsAre(Pair("DIGITALOCEAN_TOKEN", "anns")));
  EXPECT_EQ(For(**credentials, "bob", kDigitalOcean).at("DIGITALOCEAN_API_URL"), "http://sandbox");
}

TEST_F(CredentialsTest, AnAddressWithoutATokenIsNotMadeWholeByTheServers) {
  const auto credentials =
      Load("tenants: {ann: {DIGITALOCEAN_API_URL: 'http://anns'}}", {{"DIGITALOCEAN_TOKEN", "ours"}});
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_THAT(For(**credentials, "ann", kDigitalOcean), IsEmpty());
}

TEST_F(CredentialsTest, TheServersOwnAreForThoseWhoMayUseThem) {
  const Credentials::Variables ours = {{"DIGITALOCEAN_TOKEN", "ours"}};
  const std::string file = "tenants: {bob: {DIGITALOCEAN_TOKEN: bobs}}";
  const auto none = Load(file, ours, 0600, *ParseServerCredentialUse("none"));
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_THAT(For(**none, "ann", kDigitalOcean), IsEmpty());
  EXPECT_THAT(For(**none, "bob", kDigitalOcean), ElementsAre(Pair("DIGITALOCEAN_TOKEN", "bobs")));
  EXPECT_TRUE((*none)->ServerHas(kDigitalOcean));
  const auto some = Load(file, ours, 0600, *ParseServerCredentialUse("ann,eve"));
  ASSERT_TRUE(some.ok()) << some.status();
  EXPECT_EQ((*some)->Find("ann", kDigitalOcean)->source, v1::CredentialUse::SOURCE_SERVER);
  EXPECT_FALSE((*some)->Find("joe", kDigitalOcean));
  EXPECT_FALSE((*some)->Find("an", kDigitalOcean));
  EXPECT_TRUE(DefaultServerCredentialUse(/*development=*/true).Allows("ann"));
  EXPECT_FALSE(DefaultServerCredentialUse(/*development=*/false).Allows("ann"));
  EXPECT_FALSE(ParseServerCredentialUse("").ok());
  EXPECT_FALSE(ParseServerCredentialUse("ann,,eve").ok());
}

TEST_F(CredentialsTest, TellsWhereTheOperatorSaysTheProviderIs) {
  const auto credentials = Load("", {{"DIGITALOCEAN_TOKEN", "ours"}, {"DIGITALOCEAN_API_URL", "http://sandbox"}});
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_THAT((*credentials)->AddressesOf(kDigitalOcean), ElementsAre(Pair("DIGITALOCEAN_API_URL", "http://sandbox")));
  EXPECT_THAT((*credentials)->AddressesOf("acme/rockets"), IsEmpty());
}

TEST_F(CredentialsTest, AnUnlistedProviderGetsWhatNoListedOneOwns) {
  const auto credentials = Load("tenants: {ann: {ROCKETS_KEY: secret, DIGITALOCEAN_TOKEN: anns}}");
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_THAT(For(**credentials, "ann", "registry.opentofu.org/acme/rockets"),
              ElementsAre(Pair("ROCKETS_KEY", "secret")));
  EXPECT_FALSE((*credentials)->Find("bob", "registry.opentofu.org/acme/rockets"));
}

TEST_F(CredentialsTest, RefusesAFileThatOthersMayRead) {
  const auto credentials = Load("global: {}", {}, 0640);
  EXPECT_EQ(credentials.status().code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(CredentialsTest, ErrorsNameThePlaceAndNeverAValue) {
  const auto bad_name = Load("tenants:\n  ann:\n    TF_LOG: hush-hush\n");
  EXPECT_EQ(bad_name.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(bad_name.status().message()), HasSubstr("secrets.yaml:3:5"));
  EXPECT_THAT(std::string(bad_name.status().message()), Not(HasSubstr("hush-hush")));
  const auto bad_yaml = Load("global: {DIGITALOCEAN_TOKEN: hush-hush");
  EXPECT_EQ(bad_yaml.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(bad_yaml.status().message()), Not(HasSubstr("hush-hush")));
  EXPECT_EQ(Load("tenant: {}").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Load("global: {A_KEY: [1]}").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Credentials::Load({folder_ + "/none", {}, {}}).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(CredentialsTest, TheEnvironmentsTokenGetsTheEnginesName) {
  const auto variables = GlobalFromEnvironment(
      [](std::string_view name) -> std::string { return name == "DIGITALOCEAN_API_TOKEN" ? "ours" : ""; });
  EXPECT_THAT(variables, ElementsAre(Pair("DIGITALOCEAN_TOKEN", "ours")));
}

TEST_F(CredentialsTest, WhatOpensTheBucketOfTheStatesIsNoEnginesBusiness) {
  const auto credentials = Load("state: {AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret}");
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_THAT((*credentials)->state(),
              ElementsAre(Pair("AWS_ACCESS_KEY_ID", "id"), Pair("AWS_SECRET_ACCESS_KEY", "secret")));
  EXPECT_FALSE((*credentials)->Find("ann", "registry.opentofu.org/hashicorp/aws"));
  EXPECT_FALSE((*credentials)->Find("ann", "registry.opentofu.org/somebody/else"));
  EXPECT_EQ(Load("state: [AWS_ACCESS_KEY_ID]").status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace stratus::provisioning::service
