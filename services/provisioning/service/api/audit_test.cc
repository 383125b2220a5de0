// What of a call ends up in the audit log.
#include <gmock/gmock.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/service/api/testing/api_fixture.h"
#include "services/provisioning/store/audit_line.h"
#include "services/provisioning/store/audit_verifier.h"
#include "stratus/provisioning/v1/audit.grpc.pb.h"

namespace stratus::provisioning::service {
namespace {

using Stub = v1::ProvisioningService::Stub;
using testing::Client;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::UidOf;
using Code = absl::StatusCode;

class AuditTest : public testing::ApiFixture {
 protected:
  void SetUp() override { Start(); }

  // Of the tenant, newest first.
  std::vector<v1::AuditEvent> Events(const std::string& tenant, const std::string& filter = "") {
    auto listed = store_->ListAuditEvents({.tenant = tenant, .filter = filter, .page = {.size = 1000, .token = ""}});
    EXPECT_TRUE(listed.ok()) << listed.status();
    return listed.ok() ? listed->rows : std::vector<v1::AuditEvent>();
  }
  absl::StatusOr<google::longrunning::Operation> Update(const std::string& path, const std::string& secret = "") {
    Client client = ClientOf("acme/ann");
    v1::UpdateStackRequest request;
    request.mutable_stack()->set_name("stacks/first");
    auto& fields = *request.mutable_stack()->mutable_variables()->mutable_fields();
    fields["text"].set_string_value("hello");
    if (!secret.empty()) fields["secret"].set_string_value(secret);
    request.mutable_update_mask()->add_paths(path);
    return client.Call(client.stub(), &Stub::UpdateStack, request);
  }
};

TEST_F(AuditTest, AChangeIsKeptWithWhoWhatWhenAndFromWhere) {
  Client ann = ClientOf("acme/ann");
  v1::CreateStackRequest request;
  request.set_stack_id("first");
  request.mutable_stack()->set_module("modules/note");
  (*request.mutable_stack()->mutable_variables()->mutable_fields())["text"].set_string_value("hello");
  grpc::ClientContext context;
  context.AddMetadata("x-forwarded-for", "192.0.2.7, 10.0.0.1");
  context.AddMetadata("x-request-id", "call-1");
  context.AddMetadata("idempotency-key", "key-1");
  ASSERT_TRUE(ann.Call(ann.stub(), &Stub::CreateStack, request, &context).ok());
  const auto events = Events("acme");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].method(), "CreateStack");
  EXPECT_EQ(events[0].resource(), "stacks/first");
  EXPECT_EQ(events[0].principal().name(), "users/ann");
  EXPECT_EQ(events[0].principal().issuer(), "https://issuer");
  EXPECT_EQ(events[0].code(), "OK");
  EXPECT_EQ(events[0].client_address(), "192.0.2.7, 10.0.0.1");
  EXPECT_EQ(events[0].request_id(), "call-1");
  EXPECT_EQ(events[0].idempotency_key(), "key-1");
  EXPECT_TRUE(events[0].has_time());
  // The answer given again is no change.
  grpc::ClientContext again;
  again.AddMetadata("idempotency-key", "key-1");
  ASSERT_TRUE(ann.Call(ann.stub(), &Stub::CreateStack, request, &again).ok());
  EXPECT_EQ(Events("acme").size(), 1u);
  EXPECT_TRUE(Events("other").empty());
}

TEST_F(AuditTest, NoValueOfAVariableIsInIt) {
  Client ann = ClientOf("acme/ann");
  ASSERT_TRUE(ann.CreateNote("first", "a text of mine").ok());
  ASSERT_TRUE(Update("variables", "hush-hush").ok());
  const auto events = Events("acme");
  EXPECT_THAT(events[0].detail(), HasSubstr("update_mask=variables"));
  for (const v1::AuditEvent& event : events) {
    EXPECT_THAT(event.ShortDebugString(), Not(HasSubstr("hush-hush")));
    EXPECT_THAT(event.ShortDebugString(), Not(HasSubstr("a text of mine")));
  }
}

TEST_F(AuditTest, WhatWasRefusedIsKeptAndBounded) {
  Client ann = ClientOf("acme/ann");
  ASSERT_TRUE(ann.CreateNote("first").ok());
  End(OnlyOpenRun("acme", "first").uid, v1::RUN_STATUS_APPLIED);
  v1::UpdateStackRequest loosen;
  loosen.mutable_stack()->set_name("stacks/first");
  loosen.mutable_stack()->set_approval_policy(v1::APPROVAL_POLICY_MANUAL);
  loosen.mutable_update_mask()->add_paths("approval_policy");
  ASSERT_TRUE(ann.Call(ann.stub(), &Stub::UpdateStack, loosen).ok());
  loosen.mutable_stack()->set_approval_policy(v1::APPROVAL_POLICY_AUTO);
  Client eve = ClientOf("acme/eve:stratus/stacks.update");
  constexpr int kTries = AuditLog::kRefusalsBurst + 30;
  for (int i = 0; i < kTries; ++i) {
    EXPECT_EQ(eve.Call(eve.stub(), &Stub::UpdateStack, loosen).status().code(), Code::kPermissionDenied);
  }
  const auto refused = Events("acme", "code = PERMISSION_DENIED");
  ASSERT_FALSE(refused.empty());
  EXPECT_EQ(refused[0].principal().name(), "users/eve");
  EXPECT_THAT(refused[0].detail(), HasSubstr("approval_policy=APPROVAL_POLICY_AUTO"));
  EXPECT_LT(refused.size(), static_cast<size_t>(kTries));
  EXPECT_GE(refused.size(), static_cast<size_t>(AuditLog::kRefusalsBurst));
}

TEST_F(AuditTest, WhoHasSeenASecretIsKept) {
  Client ann = ClientOf("acme/ann");
  ASSERT_TRUE(ann.CreateNote("first").ok());
  v1::RevealOutputsRequest reveal;
  reveal.set_name("stacks/first/outputs");
  ASSERT_TRUE(ann.Call(ann.stub(), &Stub::RevealOutputs, reveal).ok());
  EXPECT_EQ(Events("acme", "method = RevealOutputs").size(), 1u);
}

TEST_F(AuditTest, ATrialIsNoChange) {
  Client ann = ClientOf("acme/ann");
  ASSERT_TRUE(ann.CreateNote("first").ok());
  v1::UpdateStackRequest request;
  request.mutable_stack()->set_name("stacks/first");
  request.mutable_update_mask()->add_paths("labels");
  request.set_validate_only(true);
  ASSERT_TRUE(ann.Call(ann.stub(), &Stub::UpdateStack, request).ok());
  EXPECT_EQ(Events("acme").size(), 1u);
}

TEST_F(AuditTest, TheFileHasWhatTheStoreHasLineByLine) {
  Client ann = ClientOf("acme/ann");
  ASSERT_TRUE(ann.CreateNote("first").ok());
  ASSERT_TRUE(Update("labels").ok());
  const std::string path = folder() + "/audit.log";
  ASSERT_EQ(rename(path.c_str(), (path + ".1").c_str()), 0);  // as logrotate does
  ASSERT_TRUE(Update("labels").ok());
  store::AuditVerifier verifier(/*from_start=*/false);
  for (const std::string& file : {path + ".1", path}) {
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);) EXPECT_TRUE(verifier.Add(line, file).ok()) << line;
  }
  EXPECT_TRUE(verifier.Finish().ok());
  EXPECT_EQ(verifier.records(), 3);
}

TEST_F(AuditTest, IsReadOverGrpcByItsOwnTenantAlone) {
  Client ann = ClientOf("acme/ann");
  ASSERT_TRUE(ann.CreateNote("first").ok());
  const auto stub =
      v1::AuditService::NewStub(grpc::CreateChannel(service_address(), grpc::InsecureChannelCredentials()));
  v1::ListAuditEventsRequest request;
  Client reader = ClientOf("acme/rob:stratus/audit.read");
  const auto events = reader.Call(*stub, &v1::AuditService::Stub::ListAuditEvents, request);
  ASSERT_TRUE(events.ok()) << events.status();
  ASSERT_EQ(events->audit_events_size(), 1);
  EXPECT_EQ(events->audit_events(0).name(), "auditEvents/1");
  EXPECT_EQ(events->audit_events(0).hash().size(), 64u);
  Client other = ClientOf("other/rob:stratus/audit.read");
  EXPECT_EQ(other.Call(*stub, &v1::AuditService::Stub::ListAuditEvents, request)->audit_events_size(), 0);
  Client weak = ClientOf("acme/rob:stratus/stacks.read");
  EXPECT_EQ(weak.Call(*stub, &v1::AuditService::Stub::ListAuditEvents, request).status().code(),
            Code::kPermissionDenied);
}

}  // namespace
}  // namespace stratus::provisioning::service
