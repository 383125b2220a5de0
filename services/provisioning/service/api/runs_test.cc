// Runs, states, watching and operations over a real server and store.
#include <gmock/gmock.h>

#include <thread>

#include "lib/core/status.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/service/api/states.h"
#include "services/provisioning/service/api/testing/api_fixture.h"

namespace stratus::provisioning::service {
namespace {

using Stub = v1::ProvisioningService::Stub;
using OperationsStub = google::longrunning::Operations::Stub;
using testing::Client;
using ::testing::HasSubstr;
using testing::UidOf;
using Code = absl::StatusCode;

class RunsTest : public testing::ApiFixture {
 protected:
  void SetUp() override {
    // So that what ends in time ends by a notification.
    settings_.poll_interval = absl::Seconds(60);
    Start();
  }

  absl::StatusOr<v1::Run> NewRun(Client& client, const std::string& stack, v1::RunKind kind,
                                 v1::ApprovalPolicy policy = v1::APPROVAL_POLICY_UNSPECIFIED) {
    v1::CreateRunRequest request;
    request.set_parent("stacks/" + stack);
    request.mutable_run()->set_kind(kind);
    request.mutable_run()->set_approval_policy(policy);
    return client.Call(client.stub(), &Stub::CreateRun, request);
  }
  // A stack that has been applied.
  void Ready(Client& client, const std::string& id) {
    const auto operation = client.CreateNote(id);
    ASSERT_TRUE(operation.ok()) << operation.status();
    End(UidOf(*operation), v1::RUN_STATUS_APPLIED);
  }
  template <typename Request, typename Method>
  absl::StatusOr<v1::Run> On(Client& client, Method method, const std::string& name) {
    Request request;
    request.set_name(name);
    return client.Call(client.stub(), method, request);
  }
  static std::string Uid(const v1::Run& run) { return domain::ParseRunName(run.name())->run; }
};

TEST_F(RunsTest, APlanIsApprovedByItsHash) {
  Client ann = ClientOf("ann");
  Ready(ann, "first");
  const auto run = NewRun(ann, "first", v1::RUN_KIND_APPLY, v1::APPROVAL_POLICY_MANUAL);
  ASSERT_TRUE(run.ok()) << run.status();
  v1::ApproveRunRequest approve;
  approve.set_name(run->name());
  approve.set_plan_hash("hash");
  EXPECT_EQ(ann.Call(ann.stub(), &Stub::ApproveRun, approve).status().code(), Code::kFailedPrecondition);
  Plan(Uid(*run), "hash");
  approve.set_plan_hash("another");
  EXPECT_EQ(ann.Call(ann.stub(), &Stub::ApproveRun, approve).status().code(), Code::kFailedPrecondition);
  approve.set_plan_hash("hash");
  const auto approved = ann.Call(ann.stub(), &Stub::ApproveRun, approve);
  ASSERT_TRUE(approved.ok()) << approved.status();
  EXPECT_EQ(approved->status(), v1::RUN_STATUS_CONFIRMED);
}

TEST_F(RunsTest, AStalePlanIsNotApproved) {
  Client ann = ClientOf("ann");
  Ready(ann, "first");
  const auto run = NewRun(ann, "first", v1::RUN_KIND_APPLY, v1::APPROVAL_POLICY_MANUAL);
  Plan(Uid(*run), "hash");
  WriteState("ann", "first", R"({"version":4,"serial":1})");
  v1::ApproveRunRequest approve;
  approve.set_name(run->name());
  approve.set_plan_hash("hash");
  const auto approved = ann.Call(ann.stub(), &Stub::ApproveRun, approve);
  EXPECT_EQ(approved.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(std::string(approved.status().message()), HasSubstr("stale"));
}

TEST_F(RunsTest, ADiscardedPlanLeavesTheStackAsItWas) {
  Client ann = ClientOf("ann");
  Ready(ann, "first");
  const auto run = NewRun(ann, "first", v1::RUN_KIND_APPLY, v1::APPROVAL_POLICY_MANUAL);
  EXPECT_EQ(On<v1::DiscardRunRequest>(ann, &Stub::DiscardRun, run->name()).status().code(), Code::kFailedPrecondition);
  Plan(Uid(*run), "hash");
  const auto discarded = On<v1::DiscardRunRequest>(ann, &Stub::DiscardRun, run->name());
  ASSERT_TRUE(discarded.ok()) << discarded.status();
  EXPECT_EQ(discarded->status(), v1::RUN_STATUS_DISCARDED);
  EXPECT_EQ(ann.GetStack("first")->state(), v1::Stack::STATE_READY);
}

TEST_F(RunsTest, ARunThatHasNotStartedIsCancelledAtOnce) {
  Client ann = ClientOf("ann");
  const auto operation = ann.CreateNote("first");
  const std::string name = testing::MetadataOf(*operation).run();
  EXPECT_EQ(On<v1::ForceCancelRunRequest>(ann, &Stub::ForceCancelRun, name).status().code(), Code::kFailedPrecondition);
  const auto cancelled = On<v1::CancelRunRequest>(ann, &Stub::CancelRun, name);
  ASSERT_TRUE(cancelled.ok()) << cancelled.status();
  EXPECT_EQ(cancelled->status(), v1::RUN_STATUS_CANCELED);
  EXPECT_TRUE(cancelled->has_end_time());
  EXPECT_EQ(ann.GetStack("first")->state(), v1::Stack::STATE_NEW);
  EXPECT_EQ(On<v1::CancelRunRequest>(ann, &Stub::CancelRun, name).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(ann.GetOperation(operation->name())->error().code(), static_cast<int>(Code::kCancelled));
}

TEST_F(RunsTest, ARunUnderWayIsAskedToEndThenForced) {
  Client ann = ClientOf("ann");
  const auto operation = ann.CreateNote("first");
  const std::string name = testing::MetadataOf(*operation).run();
  EXPECT_EQ(Claim().uid, UidOf(*operation));
  ASSERT_TRUE(On<v1::CancelRunRequest>(ann, &Stub::CancelRun, name).ok());
  EXPECT_TRUE(store_->GetRun(UidOf(*operation))->cancel_requested);
  EXPECT_FALSE(store_->GetRun(UidOf(*operation))->force_cancel_requested);
  ASSERT_TRUE(On<v1::ForceCancelRunRequest>(ann, &Stub::ForceCancelRun, name).ok());
  EXPECT_TRUE(store_->GetRun(UidOf(*operation))->force_cancel_requested);
}

TEST_F(RunsTest, OnlyAFailedRunIsRetriedWithThePresentVariables) {
  Client ann = ClientOf("ann");
  const auto operation = ann.CreateNote("first");
  const std::string name = testing::MetadataOf(*operation).run();
  EXPECT_EQ(On<v1::RetryRunRequest>(ann, &Stub::RetryRun, name).status().code(), Code::kFailedPrecondition);
  End(UidOf(*operation), v1::RUN_STATUS_ERRORED);
  const auto retried = On<v1::RetryRunRequest>(ann, &Stub::RetryRun, name);
  ASSERT_TRUE(retried.ok()) << retried.status();
  EXPECT_NE(retried->name(), name);
  EXPECT_EQ(retried->status(), v1::RUN_STATUS_PENDING);
}

TEST_F(RunsTest, AProtectedStackRefusesEveryDestroy) {
  Client ann = ClientOf("ann");
  Ready(ann, "first");
  const auto planned = NewRun(ann, "first", v1::RUN_KIND_DESTROY, v1::APPROVAL_POLICY_MANUAL);
  ASSERT_TRUE(planned.ok()) << planned.status();
  Plan(Uid(*planned), "hash");
  v1::UpdateStackRequest protect;
  protect.mutable_stack()->set_name("stacks/first");
  protect.mutable_stack()->set_protected_(true);
  protect.mutable_update_mask()->add_paths("protected");
  ASSERT_TRUE(ann.Call(ann.stub(), &Stub::UpdateStack, protect).ok());
  EXPECT_EQ(NewRun(ann, "first", v1::RUN_KIND_DESTROY).status().code(), Code::kFailedPrecondition);
  v1::ApproveRunRequest approve;
  approve.set_name(planned->name());
  approve.set_plan_hash("hash");
  EXPECT_EQ(ann.Call(ann.stub(), &Stub::ApproveRun, approve).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(NewRun(ann, "first", v1::RUN_KIND_RECOVER).status().code(), Code::kInvalidArgument);
}

TEST_F(RunsTest, WatchingGivesWhatThereIsThenWhatComesThenEnds) {
  Client ann = ClientOf("ann");
  const auto operation = ann.CreateNote("first");
  AppendLog(UidOf(*operation), "one");
  grpc::ClientContext context;
  ann.Prepare(&context);
  v1::WatchRunRequest request;
  request.set_name(testing::MetadataOf(*operation).run());
  const auto stream = ann.stub().WatchRun(&context, request);
  v1::RunEvent event;
  ASSERT_TRUE(stream->Read(&event));
  EXPECT_EQ(event.sequence(), 1);
  EXPECT_EQ(event.status_changed().to(), v1::RUN_STATUS_PENDING);
  ASSERT_TRUE(stream->Read(&event));
  EXPECT_EQ(event.log().message(), "one");
  AppendLog(UidOf(*operation), "two");
  ASSERT_TRUE(stream->Read(&event));
  EXPECT_EQ(event.log().message(), "two");
  EXPECT_EQ(event.sequence(), 3);
  End(UidOf(*operation), v1::RUN_STATUS_APPLIED);
  ASSERT_TRUE(stream->Read(&event));
  EXPECT_EQ(event.status_changed().to(), v1::RUN_STATUS_APPLIED);
  EXPECT_FALSE(stream->Read(&event));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(RunsTest, AWatcherGoesOnWhereItWasCutOff) {
  Client ann = ClientOf("ann");
  const auto operation = ann.CreateNote("first");
  for (int i = 0; i < 250; ++i) AppendLog(UidOf(*operation), std::to_string(i));
  End(UidOf(*operation), v1::RUN_STATUS_APPLIED);
  grpc::ClientContext context;
  ann.Prepare(&context);
  v1::WatchRunRequest request;
  request.set_name(testing::MetadataOf(*operation).run());
  request.set_after_sequence(10);
  const auto stream = ann.stub().WatchRun(&context, request);
  v1::RunEvent event;
  int64_t sequence = 10;
  while (stream->Read(&event)) EXPECT_EQ(event.sequence(), ++sequence);
  EXPECT_EQ(sequence, 252);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(RunsTest, AWatcherOfADeletionLearnsItsEnd) {
  Client ann = ClientOf("ann");
  Ready(ann, "first");
  v1::DeleteStackRequest remove;
  remove.set_name("stacks/first");
  const auto operation = ann.Call(ann.stub(), &Stub::DeleteStack, remove);
  grpc::ClientContext context;
  ann.Prepare(&context);
  v1::WatchRunRequest request;
  request.set_name(testing::MetadataOf(*operation).run());
  const auto stream = ann.stub().WatchRun(&context, request);
  v1::RunEvent event;
  ASSERT_TRUE(stream->Read(&event));
  End(UidOf(*operation), v1::RUN_STATUS_APPLIED);
  ASSERT_TRUE(stream->Read(&event));
  EXPECT_EQ(event.status_changed().to(), v1::RUN_STATUS_APPLIED);
  EXPECT_FALSE(stream->Read(&event));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(RunsTest, AStoppingServerAnswersWhoWaits) {
  Client ann = ClientOf("ann");
  const auto operation = ann.CreateNote("first");
  grpc::ClientContext context;
  ann.Prepare(&context);
  v1::WatchRunRequest watch;
  watch.set_name(testing::MetadataOf(*operation).run());
  const auto stream = ann.stub().WatchRun(&context, watch);
  v1::RunEvent event;
  ASSERT_TRUE(stream->Read(&event));
  api_->Drain();
  EXPECT_FALSE(stream->Read(&event));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  v1::ApplyModuleRequest apply;
  apply.set_module("note");
  (*apply.mutable_variables()->mutable_fields())["text"].set_string_value("x");
  const auto reply = ann.Call(ann.modules(), &v1::ModuleService::Stub::ApplyModule, apply);
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_FALSE(reply->done());
}

TEST_F(RunsTest, WaitingEndsWithTheRunAndAtTheTimeout) {
  Client ann = ClientOf("ann");
  const auto operation = ann.CreateNote("first");
  google::longrunning::WaitOperationRequest request;
  request.set_name(operation->name());
  request.mutable_timeout()->set_nanos(1'000'000);
  auto waited = ann.Call(ann.operations(), &OperationsStub::WaitOperation, request);
  ASSERT_TRUE(waited.ok()) << waited.status();
  EXPECT_FALSE(waited->done());
  request.mutable_timeout()->set_seconds(50);
  std::thread ender([&] { End(UidOf(*operation), v1::RUN_STATUS_APPLIED); });
  waited = ann.Call(ann.operations(), &OperationsStub::WaitOperation, request);
  ender.join();
  ASSERT_TRUE(waited.ok()) << waited.status();
  EXPECT_TRUE(waited->done());
  google::longrunning::DeleteOperationRequest remove;
  remove.set_name(operation->name());
  EXPECT_EQ(ann.Call(ann.operations(), &OperationsStub::DeleteOperation, remove).status().code(), Code::kUnimplemented);
}

TEST_F(RunsTest, OperationsAreListedAndCancelled) {
  Client ann = ClientOf("ann");
  const auto operation = ann.CreateNote("first");
  google::longrunning::ListOperationsRequest list;
  list.set_name("operations");
  const auto listed = ann.Call(ann.operations(), &OperationsStub::ListOperations, list);
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->operations_size(), 1);
  EXPECT_EQ(listed->operations(0).name(), operation->name());
  google::longrunning::CancelOperationRequest cancel;
  cancel.set_name(operation->name());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(ann.Call(ann.operations(), &OperationsStub::CancelOperation, cancel).status(), absl::OkStatus());
  }
  EXPECT_TRUE(ann.GetOperation(operation->name())->done());
}

TEST_F(RunsTest, StatesAreListedDownloadedAndRolledBackByANewVersion) {
  Client ann = ClientOf("ann");
  Ready(ann, "first");
  WriteState("ann", "first", R"({"version":4,"serial":1,"big":12345678901234567890})");
  WriteState("ann", "first", R"({"version":4,"serial":2})");
  v1::RollBackStateRequest roll_back;
  roll_back.set_name("stacks/first");
  roll_back.set_state_version("stacks/first/stateVersions/1");
  const auto rolled = ann.Call(ann.stub(), &Stub::RollBackState, roll_back);
  ASSERT_TRUE(rolled.ok()) << rolled.status();
  EXPECT_EQ(rolled->name(), "stacks/first/stateVersions/3");
  v1::DownloadStateRequest download;
  download.set_name("stacks/first/stateVersions/latest");
  const auto body = ann.Call(ann.stub(), &Stub::DownloadState, download);
  ASSERT_TRUE(body.ok()) << body.status();
  EXPECT_EQ(body->content_type(), "application/json");
  EXPECT_EQ(body->data(), R"({"version":4,"serial":3,"big":12345678901234567890})");
  v1::ListStateVersionsRequest list;
  list.set_parent("stacks/first");
  EXPECT_EQ(ann.Call(ann.stub(), &Stub::ListStateVersions, list)->state_versions_size(), 3);
  download.set_name("stacks/first/stateVersions/9");
  EXPECT_EQ(ann.Call(ann.stub(), &Stub::DownloadState, download).status().code(), Code::kNotFound);
}

TEST_F(RunsTest, AStateIsNotRolledBackUnderARun) {
  Client ann = ClientOf("ann");
  Ready(ann, "first");
  WriteState("ann", "first", R"({"version":4,"serial":1})");
  ASSERT_TRUE(NewRun(ann, "first", v1::RUN_KIND_APPLY).ok());
  Claim();
  v1::RollBackStateRequest roll_back;
  roll_back.set_name("stacks/first");
  roll_back.set_state_version("stacks/first/stateVersions/1");
  EXPECT_EQ(ann.Call(ann.stub(), &Stub::RollBackState, roll_back).status().code(), Code::kAborted);
}

TEST(WithSerial, ChangesTheTopLevelSerialAlone) {
  EXPECT_EQ(*WithSerial(R"({"a":{"serial":1},"b":"\"serial\":5","serial" : 7,"c":[{"serial":2}]})", 8),
            R"({"a":{"serial":1},"b":"\"serial\":5","serial" : 8,"c":[{"serial":2}]})");
  EXPECT_FALSE(WithSerial(R"({"a":{"serial":1}})", 8).ok());
  EXPECT_FALSE(WithSerial(R"({"serial":"x"})", 8).ok());
  EXPECT_FALSE(WithSerial(R"({"serial)", 8).ok());
}

}  // namespace
}  // namespace stratus::provisioning::service
