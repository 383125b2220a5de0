#include "services/provisioning/service/run_credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "lib/core/status.h"
#include "services/provisioning/service/sealed_names.h"
#include "services/provisioning/store/testing/store_fixture.h"

namespace stratus::provisioning::service {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using v1::CredentialUse;

constexpr char kDigitalOcean[] = "registry.opentofu.org/digitalocean/digitalocean";
constexpr char kRockets[] = "registry.opentofu.org/acme/rockets";

class RunCredentialsTest : public store::testing::StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    const std::string keys = absl::StrCat(::testing::TempDir(), "/run-credentials-keys");
    unlink(keys.c_str());
    ASSERT_TRUE(store::CreateKeyFile(keys).ok());
    keys_ = store::KeysFromFile(keys).value();
    sealer_ = std::make_unique<store::Sealer>(keys_.get());
    Operators("all");
  }

  void Operators(const std::string& server_use) {
    operators_ = *Credentials::Load({"",
                                     {{"DIGITALOCEAN_TOKEN", "servers"}, {"DIGITALOCEAN_API_URL", "http://sandbox"}},
                                     *ParseServerCredentialUse(server_use)});
    resolver_ = std::make_unique<CredentialResolver>(store_.get(), sealer_.get(), operators_.get());
  }

  std::string Put(const std::string& tenant, const std::string& stack, const std::string& provider,
                  const std::map<std::string, std::string>& variables) {
    store::CredentialRow row{.uid = absl::StrCat("version", ++made_),
                             .tenant = tenant,
                             .stack_id = stack,
                             .provider = provider,
                             .record = {},
                             .sealed = {}};
    row.sealed = *sealer_->Seal(CredentialContext(tenant, stack, provider, row.uid), nlohmann::json(variables).dump());
    EXPECT_TRUE(
        store_->Transact([&](store::Transaction& t) { return t.PutCredential(row, absl::Now() + absl::Hours(1)); })
            .ok());
    return row.uid;
  }
  void Remove(const std::string& tenant, const std::string& stack) {
    EXPECT_TRUE(
        store_->Transact([&](store::Transaction& t) { return t.DeleteCredential(tenant, stack, "digitalocean"); })
            .ok());
  }

  absl::StatusOr<RunCredentials> Resolve(std::string_view tenant, std::string_view stack,
                                         const std::vector<CredentialUse>& begun_with = {},
                                         const std::vector<std::string>& providers = {kDigitalOcean}) {
    return resolver_->Resolve({tenant, stack, "modules/droplet"}, providers, begun_with);
  }
  std::string TokenOf(std::string_view tenant, std::string_view stack,
                      const std::vector<CredentialUse>& begun_with = {}) {
    const auto run = Resolve(tenant, stack, begun_with);
    if (!run.ok()) return std::string(run.status().message());
    EXPECT_EQ(run->environment.at("DIGITALOCEAN_API_URL"), "http://sandbox") << "where it is, is the operator's to say";
    EXPECT_THAT(run->secrets, ElementsAre(run->environment.at("DIGITALOCEAN_TOKEN")));
    return run->environment.at("DIGITALOCEAN_TOKEN");
  }

  std::unique_ptr<Credentials> operators_;
  std::unique_ptr<CredentialResolver> resolver_;

 private:
  std::unique_ptr<store::KeyWrapper> keys_;
  std::unique_ptr<store::Sealer> sealer_;
  int made_ = 0;
};

TEST_P(RunCredentialsTest, TheStacksComesBeforeTheTenantsBeforeTheServers) {
  EXPECT_EQ(TokenOf("ann", "web"), "servers");
  Put("ann", "", "digitalocean", {{"DIGITALOCEAN_TOKEN", "anns"}});
  EXPECT_EQ(TokenOf("ann", "web"), "anns");
  EXPECT_EQ(TokenOf("bob", "web"), "servers");
  const std::string uid = Put("ann", "web", "digitalocean", {{"DIGITALOCEAN_TOKEN", "webs"}});
  EXPECT_EQ(TokenOf("ann", "web"), "webs");
  EXPECT_EQ(TokenOf("ann", "db"), "anns");
  const auto run = Resolve("ann", "web");
  ASSERT_EQ(run->uses.size(), 1u);
  EXPECT_EQ(run->uses[0].provider(), "digitalocean/digitalocean");
  EXPECT_EQ(run->uses[0].source(), CredentialUse::SOURCE_STACK);
  EXPECT_EQ(run->uses[0].credential(), "stacks/web/credentials/digitalocean");
  EXPECT_EQ(run->uses[0].etag(), uid);
  EXPECT_FALSE(run->replaced);
}

TEST_P(RunCredentialsTest, APlanIsForTheCredentialsItWasMadeWith) {
  const auto unchanged = [&](const std::vector<CredentialUse>& planned) {
    const absl::Status in_full = CheckSameCredentials(planned, Resolve("ann", "web")->uses);
    EXPECT_EQ(CheckPlannedCredentials(*operators_, "ann", planned, *store_->Credentials("ann", "web")), in_full);
    return in_full;
  };
  const std::vector<CredentialUse> servers = Resolve("ann", "web")->uses;
  EXPECT_TRUE(unchanged(servers).ok());
  Put("ann", "", "digitalocean", {{"DIGITALOCEAN_TOKEN", "anns"}});
  EXPECT_EQ(unchanged(servers).code(), absl::StatusCode::kFailedPrecondition);
  const std::vector<CredentialUse> anns = Resolve("ann", "web")->uses;
  EXPECT_TRUE(unchanged(anns).ok());
  Put("ann", "db", "digitalocean", {{"DIGITALOCEAN_TOKEN", "dbs"}});
  EXPECT_TRUE(unchanged(anns).ok()) << "another stack's";
  Put("ann", "web", "digitalocean", {{"DIGITALOCEAN_TOKEN", "webs"}});
  EXPECT_EQ(unchanged(anns).message(), "a credential has changed since the plan was made: plan again");
  const std::vector<CredentialUse> webs = Resolve("ann", "web")->uses;
  Put("ann", "web", "digitalocean", {{"DIGITALOCEAN_TOKEN", "webs"}});
  EXPECT_FALSE(unchanged(webs).ok()) << "set anew, whatever its value";
  Remove("ann", "web");
  EXPECT_TRUE(unchanged(anns).ok()) << "what it was planned with is the present one again";
  EXPECT_FALSE(CheckSameCredentials({}, anns).ok());
  EXPECT_FALSE(CheckSameCredentials(anns, {}).ok());
}

TEST_P(RunCredentialsTest, WithoutOneTheMessageSaysWhatToSet) {
  Operators("bob");
  const absl::Status status = Resolve("ann", "web").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr("stacks/web/credentials/digitalocean"));
  EXPECT_THAT(message, HasSubstr("DIGITALOCEAN_TOKEN"));
  EXPECT_THAT(message, HasSubstr("--server-credentials"));
  EXPECT_THAT(message, Not(HasSubstr("servers")));
  google::rpc::PreconditionFailure failure;
  ASSERT_TRUE(core::GetDetail(status, &failure));
  EXPECT_EQ(failure.violations(0).subject(), "credentials/digitalocean");
  EXPECT_EQ(CheckCredentials(*operators_, {"ann", "web", "modules/droplet"}, {kDigitalOcean}, {}), status);
  EXPECT_EQ(TokenOf("bob", "web"), "servers");
}

TEST_P(RunCredentialsTest, AnUnlistedProviderGetsItsOwnAndNeedsNone) {
  EXPECT_THAT(Resolve("ann", "web", {}, {kRockets})->environment, IsEmpty());
  Put("ann", "", "acme.rockets", {{"ROCKETS_KEY", "r"}});
  EXPECT_THAT(Resolve("ann", "web", {}, {kRockets})->environment, ElementsAre(Pair("ROCKETS_KEY", "r")));
  EXPECT_THAT(Resolve("ann", "web", {}, {})->environment, IsEmpty()) << "a module without the provider";
  EXPECT_TRUE(CheckCredentials(*operators_, {"ann", "web", "modules/x"}, {kRockets}, {}).ok());
}

TEST_P(RunCredentialsTest, ARunKeepsWhatItBeganWith) {
  Put("ann", "", "digitalocean", {{"DIGITALOCEAN_TOKEN", "first"}});
  const std::vector<CredentialUse> begun = Resolve("ann", "web")->uses;
  Put("ann", "", "digitalocean", {{"DIGITALOCEAN_TOKEN", "second"}});
  Put("ann", "web", "digitalocean", {{"DIGITALOCEAN_TOKEN", "webs"}});
  EXPECT_EQ(TokenOf("ann", "web"), "webs");
  EXPECT_EQ(TokenOf("ann", "web", begun), "first");
  EXPECT_FALSE(Resolve("ann", "web", begun)->replaced);
  Remove("ann", "");
  EXPECT_EQ(TokenOf("ann", "web", begun), "webs");
  EXPECT_TRUE(Resolve("ann", "web", begun)->replaced);
}

TEST_P(RunCredentialsTest, ARunKeepsTheServersOwnWhenItBeganWithThat) {
  const std::vector<CredentialUse> begun = Resolve("ann", "web")->uses;
  Put("ann", "", "digitalocean", {{"DIGITALOCEAN_TOKEN", "anns"}});
  EXPECT_EQ(TokenOf("ann", "web", begun), "servers");
  Operators("none");
  EXPECT_EQ(TokenOf("ann", "web", begun), "anns");
  EXPECT_TRUE(Resolve("ann", "web", begun)->replaced);
}

TEST_P(RunCredentialsTest, NobodyBeginsWithAnothersVersion) {
  const std::string uid = Put("ann", "", "digitalocean", {{"DIGITALOCEAN_TOKEN", "anns"}});
  CredentialUse forged;
  forged.set_provider("digitalocean/digitalocean");
  forged.set_source(CredentialUse::SOURCE_TENANT);
  forged.set_etag(uid);
  EXPECT_EQ(TokenOf("bob", "web", {forged}), "servers");
}

TEST_P(RunCredentialsTest, WhatWasMovedToAnotherTenantDoesNotOpen) {
  const std::string uid = Put("ann", "", "digitalocean", {{"DIGITALOCEAN_TOKEN", "anns"}});
  store::CredentialRow row = *store_->GetCredential(uid);
  row.uid = "moved";
  row.tenant = "bob";
  ASSERT_TRUE(store_->Transact([&](store::Transaction& t) { return t.PutCredential(row, absl::Now()); }).ok());
  EXPECT_TRUE(absl::IsDataLoss(Resolve("bob", "web").status()));
}

INSTANTIATE_TEST_SUITE_P(Backends, RunCredentialsTest, store::testing::EveryBackend(), store::testing::BackendName);

}  // namespace
}  // namespace stratus::provisioning::service
