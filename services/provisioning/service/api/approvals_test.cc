// Every way around an approval that was ever found, each as a test; approval_matrix_test.cc walks the rest.
#include <gmock/gmock.h>

#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/service/api/testing/api_fixture.h"

namespace stratus::provisioning::service {
namespace {

using Stub = v1::ProvisioningService::Stub;
using ModulesStub = v1::ModuleService::Stub;
using testing::Client;
using ::testing::HasSubstr;
using testing::UidOf;
using Code = absl::StatusCode;

constexpr auto kAuto = v1::APPROVAL_POLICY_AUTO;
constexpr auto kOnDestroy = v1::APPROVAL_POLICY_MANUAL_ON_DESTROY;
constexpr auto kManual = v1::APPROVAL_POLICY_MANUAL;

class ApprovalsTest : public testing::ApiFixture {
 protected:
  void SetUp() override { Start(); }

  absl::StatusOr<google::longrunning::Operation> Create(const std::string& who, v1::ApprovalPolicy policy,
                                                        bool other = false) {
    Client client = ClientOf(who);
    v1::CreateStackRequest request;
    request.set_stack_id("p1");
    request.mutable_stack()->set_module("modules/note");
    request.mutable_stack()->set_approval_policy(policy);
    request.mutable_stack()->set_other_approver_required(other);
    (*request.mutable_stack()->mutable_variables()->mutable_fields())["text"].set_string_value("hello");
    return client.Call(client.stub(), &Stub::CreateStack, request);
  }
  // A stack that has been applied.
  void Ready(v1::ApprovalPolicy policy) {
    const auto operation = Create("acme/ann", policy);
    ASSERT_TRUE(operation.ok()) << operation.status();
    End(UidOf(*operation), v1::RUN_STATUS_APPLIED);
  }
  absl::StatusOr<v1::Run> NewRun(const std::string& who, v1::ApprovalPolicy policy = v1::APPROVAL_POLICY_UNSPECIFIED) {
    Client client = ClientOf(who);
    v1::CreateRunRequest request;
    request.set_parent("stacks/p1");
    request.mutable_run()->set_approval_policy(policy);
    return client.Call(client.stub(), &Stub::CreateRun, request);
  }
  absl::Status SetPolicy(const std::string& who, v1::ApprovalPolicy policy) {
    Client client = ClientOf(who);
    v1::UpdateStackRequest request;
    request.mutable_stack()->set_name("stacks/p1");
    request.mutable_stack()->set_approval_policy(policy);
    request.mutable_update_mask()->add_paths("approval_policy");
    return client.Call(client.stub(), &Stub::UpdateStack, request).status();
  }
  absl::Status SetOther(const std::string& who, bool other) {
    Client client = ClientOf(who);
    v1::UpdateStackRequest request;
    request.mutable_stack()->set_name("stacks/p1");
    request.mutable_stack()->set_other_approver_required(other);
    request.mutable_update_mask()->add_paths("other_approver_required");
    return client.Call(client.stub(), &Stub::UpdateStack, request).status();
  }
  absl::StatusOr<v1::Run> Approve(const std::string& who, const std::string& run, const std::string& comment = "") {
    Client client = ClientOf(who);
    v1::ApproveRunRequest request;
    request.set_name(domain::RunNameOf("p1", run));
    request.set_plan_hash("hash");
    request.set_comment(comment);
    return client.Call(client.stub(), &Stub::ApproveRun, request);
  }
  v1::ApprovalPolicy StackPolicy() { return ClientOf("acme/ann").GetStack("p1")->approval_policy(); }
  v1::ApprovalPolicy OpenRunPolicy() { return OnlyOpenRun("acme", "p1").record.approval_policy(); }
};

TEST_F(ApprovalsTest, ARunsOwnPolicyIsNoWayAround) {
  Ready(kManual);
  const auto run = NewRun("acme/bob:stratus/runs.create", kAuto);
  EXPECT_EQ(run.status().code(), Code::kPermissionDenied);
  EXPECT_THAT(std::string(run.status().message()), HasSubstr("stratus/runs.approve"));
  EXPECT_EQ(NewRun("acme/bob:stratus/runs.create", kOnDestroy).status().code(), Code::kPermissionDenied);
  EXPECT_EQ(OpenRuns("acme", "p1"), 0);
  ASSERT_TRUE(NewRun("acme/bob:stratus/runs.create").ok());
  EXPECT_EQ(OpenRunPolicy(), kManual);
}

TEST_F(ApprovalsTest, WhoMayApproveMayLetOneRunThrough) {
  Ready(kManual);
  ASSERT_TRUE(NewRun("acme/bob:stratus/runs.create,stratus/runs.approve", kAuto).ok());
  EXPECT_EQ(OpenRunPolicy(), kAuto);
}

TEST_F(ApprovalsTest, WhatAnApproverLetThroughOnceIsNotRetriedByAnother) {
  Ready(kManual);
  const auto run = NewRun("acme/bob:stratus/runs.create,stratus/runs.approve", kAuto);
  ASSERT_TRUE(run.ok()) << run.status();
  End(domain::ParseRunName(run->name())->run, v1::RUN_STATUS_ERRORED);
  Client eve = ClientOf("acme/eve:stratus/runs.create");
  v1::RetryRunRequest retry;
  retry.set_name(run->name());
  ASSERT_TRUE(eve.Call(eve.stub(), &Stub::RetryRun, retry).ok());
  EXPECT_EQ(OpenRunPolicy(), kManual);
}

TEST_F(ApprovalsTest, LooseningThePolicyNeedsTheScopeAndTighteningDoesNot) {
  Ready(kOnDestroy);
  const std::string eve = "acme/eve:stratus/stacks.update";
  EXPECT_TRUE(SetPolicy(eve, kManual).ok());
  for (const auto looser : {kAuto, kOnDestroy, v1::APPROVAL_POLICY_UNSPECIFIED}) {
    EXPECT_EQ(SetPolicy(eve, looser).code(), Code::kPermissionDenied) << looser;
  }
  EXPECT_EQ(StackPolicy(), kManual);
  EXPECT_TRUE(SetPolicy("acme/bob:stratus/stacks.update,stratus/runs.approve", kAuto).ok());
  EXPECT_EQ(StackPolicy(), kAuto);
}

TEST_F(ApprovalsTest, ATighterPolicyCountsForWhatIsQueued) {
  Ready(kAuto);
  ASSERT_TRUE(NewRun("acme/eve:stratus/runs.create").ok());
  ASSERT_TRUE(SetPolicy("acme/ann", kManual).ok());
  EXPECT_EQ(OpenRunPolicy(), kManual);
}

TEST_F(ApprovalsTest, TheDirectFormHonoursThePolicyAndIsAnsweredAtOnce) {
  Ready(kManual);
  Client eve = ClientOf("acme/eve:stratus/stacks.update");
  v1::ApplyModuleRequest request;
  request.set_module("note");
  request.set_stack("p1");
  (*request.mutable_variables()->mutable_fields())["text"].set_string_value("changed");
  grpc::ClientContext pending;
  pending.AddMetadata("prefer", "wait=0");
  ASSERT_TRUE(eve.Call(eve.modules(), &ModulesStub::ApplyModule, request, &pending).ok());
  EXPECT_EQ(OpenRunPolicy(), kManual);
  const std::string uid = OnlyOpenRun("acme", "p1").uid;
  Plan(uid, "hash");

  // A second caller of the same request is answered although nobody approves.
  v1::DestroyModuleRequest destroy;
  destroy.set_module("note");
  destroy.set_stack("p1");
  Client dan = ClientOf("acme/dan:stratus/stacks.delete");
  grpc::ClientContext queued;
  queued.AddMetadata("prefer", "wait=0");
  ASSERT_TRUE(dan.Call(dan.modules(), &ModulesStub::DestroyModule, destroy, &queued).ok());
  ASSERT_TRUE(Approve("acme/bob", uid).ok());
  End(uid, v1::RUN_STATUS_APPLIED);
  const store::RunRow deletion = OnlyOpenRun("acme", "p1");
  EXPECT_EQ(deletion.record.approval_policy(), kManual);
  Plan(deletion.uid, "hash");
  grpc::ClientContext context;
  const auto reply = dan.Call(dan.modules(), &ModulesStub::DestroyModule, destroy, &context);
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_FALSE(reply->done());
  EXPECT_EQ(context.GetServerInitialMetadata().find("x-http-status")->second, "202");
}

TEST_F(ApprovalsTest, DeletingWaitsSoThatNothingIsMadeAnewUnderAnotherPolicy) {
  Ready(kOnDestroy);
  const std::string who = "acme/eve:stratus/stacks.delete,stratus/stacks.create";
  Client eve = ClientOf(who);
  v1::DeleteStackRequest request;
  request.set_name("stacks/p1");
  ASSERT_TRUE(eve.Call(eve.stub(), &Stub::DeleteStack, request).ok());
  EXPECT_EQ(OpenRunPolicy(), kOnDestroy);
  EXPECT_EQ(Create(who, kAuto).status().code(), Code::kAlreadyExists);
}

TEST_F(ApprovalsTest, ARollBackHasNoPlanAndNeedsTheScope) {
  Ready(kOnDestroy);
  WriteState("acme", "p1", R"({"version":4,"serial":1,"lineage":"x"})");
  WriteState("acme", "p1", R"({"version":4,"serial":2,"lineage":"x"})");
  v1::RollBackStateRequest request;
  request.set_name("stacks/p1");
  request.set_state_version("stacks/p1/stateVersions/1");
  Client eve = ClientOf("acme/eve:stratus/state.write");
  EXPECT_EQ(eve.Call(eve.stub(), &Stub::RollBackState, request).status().code(), Code::kPermissionDenied);
  Client bob = ClientOf("acme/bob:stratus/state.write,stratus/runs.approve");
  EXPECT_TRUE(bob.Call(bob.stub(), &Stub::RollBackState, request).ok());
}

TEST_F(ApprovalsTest, ARunTellsWhoDidWhatWithIt) {
  Ready(kManual);
  const auto run = NewRun("acme/ann");
  const std::string uid = OnlyOpenRun("acme", "p1").uid;
  Plan(uid, "hash");
  const std::string longest(501, 'x');
  EXPECT_EQ(Approve("acme/bob", uid, longest).status().code(), Code::kInvalidArgument);
  const auto approved = Approve("acme/bob", uid, "looks right");
  ASSERT_TRUE(approved.ok()) << approved.status();
  EXPECT_EQ(approved->created_by().name(), "users/ann");
  EXPECT_EQ(approved->approved().by().name(), "users/bob");
  EXPECT_EQ(approved->approved().by().issuer(), "https://issuer");
  EXPECT_EQ(approved->approved().comment(), "looks right");
  EXPECT_TRUE(approved->approved().has_time());
  Client carl = ClientOf("acme/carl");
  v1::CancelRunRequest cancel;
  cancel.set_name(run->name());
  cancel.set_comment("no");
  const auto canceled = carl.Call(carl.stub(), &Stub::CancelRun, cancel);
  ASSERT_TRUE(canceled.ok()) << canceled.status();
  EXPECT_EQ(canceled->canceled().by().name(), "users/carl");
  EXPECT_EQ(canceled->canceled().comment(), "no");
}

TEST_F(ApprovalsTest, AnotherApproverIsNeitherTheCreatorNorTheLastEditorNorAClient) {
  ASSERT_TRUE(Create("acme/ann", kManual, /*other=*/true).ok());
  const std::string uid = OnlyOpenRun("acme", "p1").uid;
  Plan(uid, "hash");
  const auto own = Approve("acme/ann", uid);
  EXPECT_EQ(own.status().code(), Code::kPermissionDenied);
  EXPECT_THAT(std::string(own.status().message()), HasSubstr("asked for the run"));
  v1::UpdateStackRequest edit;
  edit.mutable_stack()->set_name("stacks/p1");
  edit.mutable_update_mask()->add_paths("labels");
  Client bob = ClientOf("acme/bob");
  ASSERT_TRUE(bob.Call(bob.stub(), &Stub::UpdateStack, edit).ok());
  EXPECT_THAT(std::string(Approve("acme/bob", uid).status().message()), HasSubstr("edited the stack last"));
  EXPECT_EQ(Approve("acme", uid).status().code(), Code::kPermissionDenied) << "a client";
  EXPECT_TRUE(Approve("acme/carl", uid).ok());
}

TEST_F(ApprovalsTest, NobodyDoesAloneWhatItTakesTwoFor) {
  ASSERT_TRUE(Create("acme/ann", kManual, /*other=*/true).ok());
  End(OnlyOpenRun("acme", "p1").uid, v1::RUN_STATUS_APPLIED);
  WriteState("acme", "p1", R"({"version":4,"serial":1,"lineage":"x"})");
  Client bob = ClientOf("acme/bob");
  EXPECT_EQ(SetPolicy("acme/bob", kAuto).code(), Code::kFailedPrecondition);
  EXPECT_EQ(SetOther("acme/bob", false).code(), Code::kFailedPrecondition);
  EXPECT_EQ(NewRun("acme/bob", kAuto).status().code(), Code::kFailedPrecondition);
  v1::RollBackStateRequest request;
  request.set_name("stacks/p1");
  request.set_state_version("stacks/p1/stateVersions/1");
  EXPECT_EQ(bob.Call(bob.stub(), &Stub::RollBackState, request).status().code(), Code::kFailedPrecondition);
  EXPECT_TRUE(ClientOf("acme/ann").GetStack("p1")->other_approver_required());
}

TEST_F(ApprovalsTest, AnotherApproverIsRefusedWhereThereCouldBeNone) {
  const auto lonely = Create("acme", kManual, /*other=*/true);
  EXPECT_EQ(lonely.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(std::string(lonely.status().message()), HasSubstr("the tenant is the client itself"));
  EXPECT_EQ(Create("acme/ann", kAuto, /*other=*/true).status().code(), Code::kFailedPrecondition);
}

TEST_F(ApprovalsTest, WhoDiscardsAnExpiryKeepsTheStack) {
  Ready(kManual);
  ASSERT_TRUE(NewRun("acme/ann").ok());
  const std::string uid = OnlyOpenRun("acme", "p1").uid;
  const absl::Status made = store_->Transact([&](store::Transaction& transaction) -> absl::Status {
    auto run = transaction.GetRun(uid);
    auto stack = transaction.GetStack("acme", "p1");
    run->deletes_stack = true;
    run->record.mutable_created_by()->Clear();
    run->record.mutable_created_by()->set_name("system");
    stack->expire_time = absl::Now() + absl::Minutes(10);
    if (absl::Status put = transaction.PutStack(&*stack); !put.ok()) return put;
    return transaction.PutRun(&*run);
  });
  ASSERT_TRUE(made.ok()) << made;
  Plan(uid, "hash");
  v1::DiscardRunRequest discard;
  discard.set_name(domain::RunNameOf("p1", uid));
  Client bob = ClientOf("acme/bob");
  ASSERT_TRUE(bob.Call(bob.stub(), &Stub::DiscardRun, discard).ok());
  EXPECT_FALSE(bob.GetStack("p1")->has_expire_time());
}

class MinimumTest : public ApprovalsTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(settings_.approval.Add("acme=MANUAL_ON_DESTROY").ok());
    modules_.find("droplet")->second.module.set_approval_minimum(kManual);
    Start();
  }
};

TEST_F(MinimumTest, NoStackAndNoRunGoesBelowIt) {
  EXPECT_EQ(Create("acme/ann", kAuto).status().code(), Code::kInvalidArgument);
  ASSERT_TRUE(Create("acme/ann", v1::APPROVAL_POLICY_UNSPECIFIED).ok());
  EXPECT_EQ(StackPolicy(), kOnDestroy);
  EXPECT_EQ(SetPolicy("acme/ann", kAuto).code(), Code::kInvalidArgument);
  EXPECT_EQ(NewRun("acme/ann", kAuto).status().code(), Code::kInvalidArgument);
  EXPECT_TRUE(NewRun("acme/ann", kManual).ok());
  EXPECT_TRUE(Create("other/ann", kAuto).ok()) << "another tenant's";
}

TEST_F(MinimumTest, AModulesOwnCountsForTheDirectFormToo) {
  Client eve = ClientOf("other/eve:stratus/stacks.create");
  v1::ApplyModuleRequest request;
  request.set_module("droplet");
  auto& fields = *request.mutable_variables()->mutable_fields();
  for (const char* name : {"image", "name", "region", "size"}) fields[name].set_string_value("x");
  grpc::ClientContext pending;
  pending.AddMetadata("prefer", "wait=0");
  ASSERT_TRUE(eve.Call(eve.modules(), &ModulesStub::ApplyModule, request, &pending).ok());
  EXPECT_EQ(OnlyOpenRun("other", "droplet").record.approval_policy(), kManual);
}

TEST_F(MinimumTest, CountsForStacksThatWereMadeBelowIt) {
  ASSERT_TRUE(Create("acme/ann", v1::APPROVAL_POLICY_UNSPECIFIED).ok());
  End(OnlyOpenRun("acme", "p1").uid, v1::RUN_STATUS_APPLIED);
  const absl::Status loosened = store_->Transact([&](store::Transaction& transaction) -> absl::Status {
    auto stack = transaction.GetStack("acme", "p1");
    stack->record.set_approval_policy(kAuto);
    return transaction.PutStack(&*stack);
  });
  ASSERT_TRUE(loosened.ok()) << loosened;
  EXPECT_EQ(StackPolicy(), kOnDestroy);
  ASSERT_TRUE(NewRun("acme/eve:stratus/runs.create").ok());
  EXPECT_EQ(OpenRunPolicy(), kOnDestroy);
}

}  // namespace
}  // namespace stratus::provisioning::service
