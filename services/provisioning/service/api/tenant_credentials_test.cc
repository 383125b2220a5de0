// Credentials over the API: set by whoever may, seen by nobody.
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "lib/core/status.h"
#include "services/provisioning/service/api/testing/api_fixture.h"
#include "services/provisioning/service/sealed_names.h"

namespace stratus::provisioning::service {
namespace {

using testing::Client;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Code = absl::StatusCode;
using Stub = v1::CredentialService::Stub;

constexpr char kToken[] = "dop_v1_hush-hush";

class TenantCredentialsTest : public testing::ApiFixture {
 protected:
  static v1::UpdateCredentialRequest Setting(const std::string& name,
                                             const std::string& variable = "DIGITALOCEAN_TOKEN",
                                             const std::string& value = kToken) {
    v1::UpdateCredentialRequest request;
    request.mutable_credential()->set_name(name);
    (*request.mutable_credential()->mutable_variables())[variable] = value;
    request.set_allow_missing(true);
    return request;
  }
  static absl::StatusOr<v1::Credential> Set(Client client, const v1::UpdateCredentialRequest& request) {
    return client.Call(client.credentials(), &Stub::UpdateCredential, request);
  }
  static absl::StatusOr<v1::Credential> Get(Client client, const std::string& name) {
    v1::GetCredentialRequest request;
    request.set_name(name);
    return client.Call(client.credentials(), &Stub::GetCredential, request);
  }
  static absl::Status Delete(Client client, const std::string& name, const std::string& etag = "") {
    v1::DeleteCredentialRequest request;
    request.set_name(name);
    request.set_etag(etag);
    return client.Call(client.credentials(), &Stub::DeleteCredential, request).status();
  }
  static std::vector<std::string> NamesIn(Client client, const std::string& parent) {
    v1::ListCredentialsRequest request;
    request.set_parent(parent);
    request.set_page_size(1);
    std::vector<std::string> names;
    for (;;) {
      const auto page = client.Call(client.credentials(), &Stub::ListCredentials, request);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) return names;
      for (const v1::Credential& one : page->credentials()) names.push_back(one.name());
      if (page->next_page_token().empty()) return names;
      request.set_page_token(page->next_page_token());
    }
  }
  static absl::StatusOr<google::longrunning::Operation> CreateDroplet(Client client, const std::string& id) {
    v1::CreateStackRequest request;
    request.set_stack_id(id);
    request.mutable_stack()->set_module("modules/droplet");
    for (const char* name : {"image", "name", "region", "size"}) {
      (*request.mutable_stack()->mutable_variables()->mutable_fields())[name].set_string_value("x");
    }
    return client.Call(client.stub(), &v1::ProvisioningService::Stub::CreateStack, request);
  }
};

TEST_F(TenantCredentialsTest, WhatIsSetIsSealedAndNeverGivenBack) {
  Start();
  const auto set = Set(ClientOf("ann/kim"), Setting("credentials/digitalocean"));
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->name(), "credentials/digitalocean");
  EXPECT_EQ(set->provider(), "digitalocean/digitalocean");
  EXPECT_THAT(set->variable_names(), ElementsAre("DIGITALOCEAN_TOKEN"));
  EXPECT_TRUE(set->variables().empty());
  EXPECT_THAT(set->updater().name(), HasSubstr("kim"));
  EXPECT_TRUE(set->has_create_time() && set->has_update_time());
  const auto got = Get(ClientOf("ann"), "credentials/digitalocean");
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->SerializeAsString(), set->SerializeAsString());

  const auto rows = store_->Credentials("ann", "");
  ASSERT_EQ(rows->size(), 1u);
  const store::CredentialRow& row = rows->front();
  EXPECT_THAT(row.record.SerializeAsString(), Not(HasSubstr("hush")));
  EXPECT_THAT(row.sealed, Not(HasSubstr("hush")));
  EXPECT_THAT(*sealer_->Open(CredentialContext("ann", "", "digitalocean", row.uid), row.sealed), HasSubstr(kToken));
}

TEST_F(TenantCredentialsTest, OnlyTheScopeMaySetAndAnybodyWhoSeesStacksMayLook) {
  Start();
  Client reader = ClientOf("ann:stratus/stacks.read,stratus/stacks.create,stratus/stacks.update");
  EXPECT_EQ(Set(std::move(reader), Setting("credentials/digitalocean")).status().code(), Code::kPermissionDenied);
  ASSERT_TRUE(Set(ClientOf("ann:stratus/credentials.write"), Setting("credentials/digitalocean")).ok());
  EXPECT_TRUE(Get(ClientOf("ann:stratus/stacks.read"), "credentials/digitalocean").ok());
  EXPECT_EQ(Get(ClientOf("ann:stratus/runs.read"), "credentials/digitalocean").status().code(),
            Code::kPermissionDenied);
  EXPECT_EQ(Delete(ClientOf("ann:stratus/stacks.read"), "credentials/digitalocean").code(), Code::kPermissionDenied);
  EXPECT_TRUE(Delete(ClientOf("ann:stratus/credentials.write"), "credentials/digitalocean").ok());
}

TEST_F(TenantCredentialsTest, AnothersDoNotExist) {
  Start();
  ASSERT_TRUE(Set(ClientOf("ann"), Setting("credentials/digitalocean")).ok());
  ASSERT_TRUE(Set(ClientOf("ann"), Setting("stacks/web/credentials/digitalocean")).ok());
  for (const std::string name : {"credentials/digitalocean", "stacks/web/credentials/digitalocean"}) {
    EXPECT_EQ(Get(ClientOf("bob"), name).status().code(), Code::kNotFound);
    EXPECT_EQ(Delete(ClientOf("bob"), name).code(), Code::kNotFound);
  }
  EXPECT_THAT(NamesIn(ClientOf("bob"), ""), ElementsAre());
  EXPECT_THAT(NamesIn(ClientOf("bob"), "stacks/web"), ElementsAre());
}

TEST_F(TenantCredentialsTest, ListsEachParentsOwnPageByPage) {
  Start();
  for (const std::string name : {"credentials/digitalocean", "stacks/web/credentials/digitalocean"}) {
    ASSERT_TRUE(Set(ClientOf("ann"), Setting(name)).ok());
  }
  ASSERT_TRUE(Set(ClientOf("ann"), Setting("credentials/acme.rockets", "ROCKETS_KEY")).ok());
  EXPECT_THAT(NamesIn(ClientOf("ann"), ""), ElementsAre("credentials/acme.rockets", "credentials/digitalocean"));
  EXPECT_THAT(NamesIn(ClientOf("ann"), "stacks/web"), ElementsAre("stacks/web/credentials/digitalocean"));
  EXPECT_THAT(NamesIn(ClientOf("ann"), "stacks/db"), ElementsAre());
}

TEST_F(TenantCredentialsTest, AnUpdateNeedsOneThatIsThereUnlessItMayMakeIt) {
  Start();
  v1::UpdateCredentialRequest request = Setting("credentials/digitalocean");
  request.set_allow_missing(false);
  EXPECT_EQ(Set(ClientOf("ann"), request).status().code(), Code::kNotFound);
  request.set_allow_missing(true);
  const auto first = Set(ClientOf("ann"), request);
  ASSERT_TRUE(first.ok()) << first.status();
  request.mutable_credential()->set_etag(first->etag());
  const auto second = Set(ClientOf("ann"), request);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_NE(second->etag(), first->etag());
  EXPECT_EQ(second->create_time().seconds(), first->create_time().seconds());
  EXPECT_EQ(Set(ClientOf("ann"), request).status().code(), Code::kAborted) << "the etag is stale";
  EXPECT_EQ(Delete(ClientOf("ann"), "credentials/digitalocean", first->etag()).code(), Code::kAborted);
  EXPECT_TRUE(Delete(ClientOf("ann"), "credentials/digitalocean", second->etag()).ok());
  EXPECT_EQ(Delete(ClientOf("ann"), "credentials/digitalocean").code(), Code::kNotFound);
}

TEST_F(TenantCredentialsTest, ARepeatedRequestSetsItOnce) {
  Start();
  v1::UpdateCredentialRequest request = Setting("credentials/digitalocean");
  request.set_request_id("once");
  const auto first = Set(ClientOf("ann"), request);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(Set(ClientOf("ann"), request)->etag(), first->etag());
  (*request.mutable_credential()->mutable_variables())["DIGITALOCEAN_TOKEN"] = "dop_v1_other";
  EXPECT_EQ(Set(ClientOf("ann"), request).status().code(), Code::kInvalidArgument);
}

TEST_F(TenantCredentialsTest, RefusalsNameTheVariableAndNeverTheValue) {
  Start();
  for (const auto& [name, variable] : std::vector<std::pair<std::string, std::string>>{
           {"credentials/digitalocean", "DIGITALOCEAN_API_URL"},
           {"credentials/acme.rockets", "TF_CLI_ARGS"},
           {"credentials/acme.rockets", "LD_PRELOAD"},
           {"credentials/azure", "AZURE_KEY"},
           {"credentials/", "KEY"},
           {"stacks/web/credentials/hashicorp.aws", "AWS_ACCESS_KEY_ID"}}) {
    const absl::Status status = Set(ClientOf("ann"), Setting(name, variable, "hush-hush")).status();
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << name << " " << variable;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("hush-hush")));
    google::rpc::BadRequest violations;
    ASSERT_TRUE(core::GetDetail(status, &violations)) << status;
    EXPECT_THAT(violations.DebugString(), Not(HasSubstr("hush-hush")));
  }
  v1::UpdateCredentialRequest masked = Setting("credentials/digitalocean");
  masked.mutable_update_mask()->add_paths("provider");
  EXPECT_EQ(Set(ClientOf("ann"), masked).status().code(), Code::kInvalidArgument);
}

TEST_F(TenantCredentialsTest, AParentHasOnlySoMany) {
  Start();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(Set(ClientOf("ann"), Setting(absl::StrCat("credentials/acme.p", i), "KEY")).ok());
  }
  EXPECT_EQ(Set(ClientOf("ann"), Setting("credentials/acme.more", "KEY")).status().code(), Code::kResourceExhausted);
  EXPECT_TRUE(Set(ClientOf("ann"), Setting("credentials/acme.p0", "KEY")).ok()) << "what is there can be changed";
  EXPECT_TRUE(Set(ClientOf("ann"), Setting("stacks/web/credentials/acme.more", "KEY")).ok());
  EXPECT_TRUE(Set(ClientOf("bob"), Setting("credentials/acme.more", "KEY")).ok());
}

TEST_F(TenantCredentialsTest, TheServersOwnIsForWhoMayUseItAndTheRestBringTheirs) {
  server_use_ = *ParseServerCredentialUse("bob");
  Start();
  EXPECT_TRUE(CreateDroplet(ClientOf("bob"), "web").ok());
  const absl::Status refused = CreateDroplet(ClientOf("ann"), "web").status();
  EXPECT_EQ(refused.code(), Code::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("stacks/web/credentials/digitalocean"));
  EXPECT_THAT(std::string(refused.message()), Not(HasSubstr("token-of-the-server")));
  // Before the stack is there: its first run needs it.
  ASSERT_TRUE(Set(ClientOf("ann"), Setting("stacks/web/credentials/digitalocean")).ok());
  EXPECT_TRUE(CreateDroplet(ClientOf("ann"), "web").ok());
  EXPECT_EQ(CreateDroplet(ClientOf("ann"), "db").status().code(), Code::kFailedPrecondition);
  ASSERT_TRUE(Set(ClientOf("ann"), Setting("credentials/digitalocean")).ok());
  EXPECT_TRUE(CreateDroplet(ClientOf("ann"), "db").ok());
  // A run that is asked for once it is gone is refused at once.
  ASSERT_TRUE(Delete(ClientOf("ann"), "credentials/digitalocean").ok());
  v1::CheckDriftRequest check;
  check.set_name("stacks/db");
  Client ann = ClientOf("ann");
  EXPECT_EQ(ann.Call(ann.stub(), &v1::ProvisioningService::Stub::CheckDrift, check).status().code(),
            Code::kFailedPrecondition);
}

// Whoever may set credentials alone would send an approved plan to an account of his own.
TEST_F(TenantCredentialsTest, APlanIsNotApprovedOnceItsCredentialHasChanged) {
  Start();
  constexpr char kName[] = "stacks/web/credentials/digitalocean";
  const auto first = Set(ClientOf("ann"), Setting(kName));
  ASSERT_TRUE(first.ok()) << first.status();
  const auto operation = CreateDroplet(ClientOf("ann"), "web");
  ASSERT_TRUE(operation.ok()) << operation.status();
  const std::string run = testing::UidOf(*operation);
  Plan(run, "hash");
  const absl::Status planned = store_->Transact([&](store::Transaction& transaction) -> absl::Status {
    auto row = transaction.GetRun(run);
    if (!row.ok()) return row.status();
    v1::CredentialUse* use = row->record.add_credentials();
    use->set_provider("digitalocean/digitalocean");
    use->set_source(v1::CredentialUse::SOURCE_STACK);
    use->set_credential(kName);
    use->set_etag(first->etag());
    return transaction.PutRun(&*row);
  });
  ASSERT_TRUE(planned.ok()) << planned;
  ASSERT_TRUE(Set(ClientOf("ann:stratus/credentials.write"), Setting(kName, "DIGITALOCEAN_TOKEN", "eves")).ok());
  v1::ApproveRunRequest approve;
  approve.set_name(testing::MetadataOf(*operation).run());
  approve.set_plan_hash("hash");
  Client ann = ClientOf("ann");
  const auto approved = ann.Call(ann.stub(), &v1::ProvisioningService::Stub::ApproveRun, approve);
  EXPECT_EQ(approved.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(std::string(approved.status().message()), HasSubstr("a credential has changed"));
}

TEST_F(TenantCredentialsTest, WhoSetsAStacksCredentialHasEditedTheStack) {
  Start();
  ASSERT_TRUE(CreateDroplet(ClientOf("ann/kim"), "web").ok());
  const auto editor = [&] { return store_->GetStack("ann", "web")->record.last_editor().name(); };
  ASSERT_TRUE(Set(ClientOf("ann/eve"), Setting("credentials/digitalocean")).ok());
  EXPECT_THAT(editor(), HasSubstr("kim")) << "a tenant's credential is of no stack";
  ASSERT_TRUE(Set(ClientOf("ann/eve"), Setting("stacks/web/credentials/digitalocean")).ok());
  EXPECT_THAT(editor(), HasSubstr("eve"));
  EXPECT_TRUE(Delete(ClientOf("ann/bob"), "stacks/web/credentials/digitalocean").ok());
  EXPECT_THAT(editor(), HasSubstr("bob"));
}

}  // namespace
}  // namespace stratus::provisioning::service
