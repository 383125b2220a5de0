#include "services/provisioning/service/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "google/rpc/error_details.pb.h"
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
    droplet_.set_name("modules/droplet");
    droplet_.add_providers("registry.opentofu.org/digitalocean/digitalocean");
    greeting_.set_name("modules/greeting");
  }
  ~CredentialsTest() override { std::filesystem::remove_all(folder_); }

  absl::StatusOr<std::unique_ptr<Credentials>> Load(const std::string& yaml, Credentials::Variables global = {},
                                                    mode_t mode = 0600) {
    const std::string path = folder_ + "/secrets.yaml";
    std::ofstream(path) << yaml;
    chmod(path.c_str(), mode);
    return Credentials::Load({path, std::move(global)});
  }

  std::string folder_;
  v1::Module droplet_;
  v1::Module greeting_;
};

TEST_F(CredentialsTest, ATenantsOwnBeatTheServers) {
  const auto credentials = Load("tenants: {ann: {DIGITALOCEAN_TOKEN: anns}}", {{"DIGITALOCEAN_TOKEN", "ours"}});
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_THAT((*credentials)->For("ann", droplet_), ElementsAre(Pair("DIGITALOCEAN_TOKEN", "anns")));
  EXPECT_THAT((*credentials)->For("bob", droplet_), ElementsAre(Pair("DIGITALOCEAN_TOKEN", "ours")));
}

TEST_F(CredentialsTest, ATenantsTokenNeverGoesToTheServersAddress) {
  const auto credentials = Load("tenants: {ann: {DIGITALOCEAN_TOKEN: anns}}",
                                {{"DIGITALOCEAN_TOKEN", "ours"}, {"DIGITALOCEAN_API_URL", "http://sandbox"}});
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_THAT((*credentials)->For("ann", droplet_), ElementsAre(Pair("DIGITALOCEAN_TOKEN", "anns")));
  EXPECT_EQ((*credentials)->For("bob", droplet_).at("DIGITALOCEAN_API_URL"), "http://sandbox");
}

TEST_F(CredentialsTest, AnAddressWithoutATokenIsNotMadeWholeByTheServers) {
  const auto credentials =
      Load("tenants: {ann: {DIGITALOCEAN_API_URL: 'http://anns'}}", {{"DIGITALOCEAN_TOKEN", "ours"}});
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_THAT((*credentials)->For("ann", droplet_), IsEmpty());
  EXPECT_EQ((*credentials)->Check("ann", droplet_).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(CredentialsTest, AModuleWithoutProvidersGetsNothingAndNeedsNothing) {
  const auto credentials = Load("global: {DIGITALOCEAN_TOKEN: ours, OTHER: x}");
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_THAT((*credentials)->For("ann", greeting_), IsEmpty());
  EXPECT_TRUE((*credentials)->Check("ann", greeting_).ok());
}

TEST_F(CredentialsTest, SaysWhichVariableIsMissing) {
  const auto credentials = Load("");
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  const absl::Status status = (*credentials)->Check("ann", droplet_);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("DIGITALOCEAN_API_TOKEN"));
  google::rpc::PreconditionFailure failure;
  ASSERT_TRUE(core::GetDetail(status, &failure));
  EXPECT_EQ(failure.violations(0).subject(), "DIGITALOCEAN_API_TOKEN");
}

TEST_F(CredentialsTest, AnUnlistedProviderGetsWhatNoListedOneOwns) {
  v1::Module module;
  module.add_providers("registry.opentofu.org/acme/rockets");
  const auto credentials = Load("tenants: {ann: {ROCKETS_KEY: secret, DIGITALOCEAN_TOKEN: anns}}");
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_THAT((*credentials)->For("ann", module), ElementsAre(Pair("ROCKETS_KEY", "secret")));
  EXPECT_THAT((*credentials)->Secrets("ann", module), ElementsAre("secret"));
}

TEST_F(CredentialsTest, AnAddressIsNoSecret) {
  const auto credentials = Load("", {{"DIGITALOCEAN_TOKEN", "ours"}, {"DIGITALOCEAN_API_URL", "http://sandbox"}});
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_THAT((*credentials)->Secrets("ann", droplet_), ElementsAre("ours"));
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
  EXPECT_EQ(Credentials::Load({folder_ + "/none", {}}).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(CredentialsTest, TheEnvironmentsTokenGetsTheEnginesName) {
  const auto variables = GlobalFromEnvironment(
      [](std::string_view name) -> std::string { return name == "DIGITALOCEAN_API_TOKEN" ? "ours" : ""; });
  EXPECT_THAT(variables, ElementsAre(Pair("DIGITALOCEAN_TOKEN", "ours")));
}

TEST_F(CredentialsTest, WhatOpensTheBucketOfTheStatesIsNoEnginesBusiness) {
  v1::Module aws;
  aws.set_name("modules/bucket");
  aws.add_providers("registry.opentofu.org/hashicorp/aws");
  aws.add_providers("registry.opentofu.org/somebody/else");
  const auto credentials = Load("state: {AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret}");
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_THAT((*credentials)->state(),
              ElementsAre(Pair("AWS_ACCESS_KEY_ID", "id"), Pair("AWS_SECRET_ACCESS_KEY", "secret")));
  EXPECT_THAT((*credentials)->For("ann", aws), IsEmpty());
  EXPECT_TRUE(absl::IsFailedPrecondition((*credentials)->Check("ann", aws)));
  EXPECT_EQ(Load("state: [AWS_ACCESS_KEY_ID]").status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace stratus::provisioning::service
