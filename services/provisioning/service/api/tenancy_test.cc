// One tenant cannot see, lock, slow or fill up another.
#include <gmock/gmock.h>

#include <thread>

#include "services/provisioning/service/api/fair_executor.h"
#include "services/provisioning/service/api/run_hub.h"
#include "services/provisioning/service/api/testing/api_fixture.h"

namespace stratus::provisioning::service {
namespace {

using Stub = v1::ProvisioningService::Stub;
using testing::Client;
using testing::UidOf;
using Code = absl::StatusCode;

class TenancyTest : public testing::ApiFixture {};

TEST_F(TenancyTest, AnothersThingsDoNotExist) {
  Start();
  Client ann = ClientOf("ann");
  Client bob = ClientOf("bob");
  const auto operation = ann.CreateNote("first");
  ASSERT_TRUE(operation.ok()) << operation.status();
  const std::string run = testing::MetadataOf(*operation).run();
  WriteState("ann", "first", R"({"version":4,"serial":1})");

  EXPECT_EQ(bob.GetStack("first").status().code(), Code::kNotFound);
  EXPECT_EQ(bob.GetRun(run).status().code(), Code::kNotFound);
  EXPECT_EQ(bob.GetOperation(operation->name()).status().code(), Code::kNotFound);
  EXPECT_EQ(bob.Call(bob.stub(), &Stub::ListStacks, v1::ListStacksRequest())->stacks_size(), 0);
  v1::ListRunsRequest runs;
  runs.set_parent("stacks/-");
  EXPECT_EQ(bob.Call(bob.stub(), &Stub::ListRuns, runs)->runs_size(), 0);
  EXPECT_EQ(bob.Call(bob.operations(), &google::longrunning::Operations::Stub::ListOperations,
                     google::longrunning::ListOperationsRequest())
                ->operations_size(),
            0);
  v1::DownloadStateRequest download;
  download.set_name("stacks/first/stateVersions/1");
  EXPECT_EQ(bob.Call(bob.stub(), &Stub::DownloadState, download).status().code(), Code::kNotFound);
  v1::GetOutputsRequest outputs;
  outputs.set_name("stacks/first/outputs");
  EXPECT_EQ(bob.Call(bob.stub(), &Stub::GetOutputs, outputs).status().code(), Code::kNotFound);
  google::longrunning::WaitOperationRequest wait;
  wait.set_name(operation->name());
  EXPECT_EQ(bob.Call(bob.operations(), &google::longrunning::Operations::Stub::WaitOperation, wait).status().code(),
            Code::kNotFound);
}

TEST_F(TenancyTest, ARunUnderAnothersStackOfTheSameNameIsNotReached) {
  Start();
  Client ann = ClientOf("ann");
  Client bob = ClientOf("bob");
  const auto operation = ann.CreateNote("first");
  ASSERT_TRUE(bob.CreateNote("first").ok());
  v1::CancelRunRequest cancel;
  cancel.set_name(testing::MetadataOf(*operation).run());
  EXPECT_EQ(bob.Call(bob.stub(), &Stub::CancelRun, cancel).status().code(), Code::kNotFound);
  google::longrunning::CancelOperationRequest by_operation;
  by_operation.set_name(operation->name());
  EXPECT_EQ(
      bob.Call(bob.operations(), &google::longrunning::Operations::Stub::CancelOperation, by_operation).status().code(),
      Code::kNotFound);
  v1::RetryRunRequest retry;
  retry.set_name(cancel.name());
  EXPECT_EQ(bob.Call(bob.stub(), &Stub::RetryRun, retry).status().code(), Code::kNotFound);
  grpc::ClientContext context;
  bob.Prepare(&context);
  v1::WatchRunRequest watch;
  watch.set_name(cancel.name());
  EXPECT_EQ(bob.stub().WatchRun(&context, watch)->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_FALSE(store_->GetRun(UidOf(*operation))->cancel_requested);
}

TEST_F(TenancyTest, AnothersStackIsNotLockedAndAnothersLockIsNotFelt) {
  Start();
  Client ann = ClientOf("ann");
  Client bob = ClientOf("bob");
  ASSERT_TRUE(ann.CreateNote("first").ok());
  v1::LockStackRequest lock;
  lock.set_name("stacks/first");
  EXPECT_EQ(bob.Call(bob.stub(), &Stub::LockStack, lock).status().code(), Code::kNotFound);
  ASSERT_TRUE(bob.CreateNote("first").ok());
  ASSERT_TRUE(bob.Call(bob.stub(), &Stub::LockStack, lock).ok());
  EXPECT_FALSE(ann.GetStack("first")->has_lock());
  EXPECT_EQ(Claim().tenant, "ann");
}

TEST_F(TenancyTest, AFullQueueIsFullForItsOwnerAlone) {
  settings_.quota.queued_runs_max = 2;
  Start();
  Client ann = ClientOf("ann");
  Client bob = ClientOf("bob");
  ASSERT_TRUE(ann.CreateNote("a").ok());
  ASSERT_TRUE(ann.CreateNote("b").ok());
  EXPECT_EQ(ann.CreateNote("c").status().code(), Code::kResourceExhausted);
  EXPECT_TRUE(bob.CreateNote("a").ok());
}

TEST_F(TenancyTest, ManyStacksFillTheirOwnersQuotaAlone) {
  settings_.quota.stacks_max = 2;
  Start();
  Client ann = ClientOf("ann");
  Client bob = ClientOf("bob");
  ASSERT_TRUE(ann.CreateNote("a").ok());
  ASSERT_TRUE(ann.CreateNote("b").ok());
  EXPECT_EQ(ann.CreateNote("c").status().code(), Code::kResourceExhausted);
  v1::ApplyModuleRequest direct;
  direct.set_module("note");
  (*direct.mutable_variables()->mutable_fields())["text"].set_string_value("x");
  EXPECT_EQ(ann.Call(ann.modules(), &v1::ModuleService::Stub::ApplyModule, direct).status().code(),
            Code::kResourceExhausted);
  EXPECT_TRUE(bob.CreateNote("a").ok());
  v1::GetQuotaRequest get;
  get.set_name("quota");
  const auto quota = bob.Call(bob.stub(), &Stub::GetQuota, get);
  ASSERT_TRUE(quota.ok()) << quota.status();
  EXPECT_EQ(quota->stacks_used(), 1) << "it tells of the caller's own alone";
}

TEST_F(TenancyTest, AnothersLongQueueDoesNotSlowARun) {
  Start();
  Client ann = ClientOf("ann");
  Client bob = ClientOf("bob");
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(ann.CreateNote("n" + std::to_string(i)).ok());
  // Ann has what she may have at once, and is behind all who have less whenever one of hers ends.
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Claim().tenant, "ann");
  const auto bobs = bob.CreateNote("only");
  ASSERT_TRUE(bobs.ok());
  EXPECT_EQ(bob.GetRun(testing::MetadataOf(*bobs).run())->queue_position(), 0);
  EXPECT_EQ(Claim().uid, UidOf(*bobs)) << "the next one is Bob's, though 37 were there before";
}

TEST_F(TenancyTest, AnothersWaitersLeaveRoom) {
  settings_.waiters_max = 4;
  settings_.waiters_tenant_max = 2;
  Start();
  Client ann = ClientOf("ann");
  Client bob = ClientOf("bob");
  const auto anns = ann.CreateNote("first");
  const auto bobs = bob.CreateNote("first");
  v1::WatchRunRequest request;
  request.set_name(testing::MetadataOf(*anns).run());
  grpc::ClientContext first, second, third, fourth;
  v1::RunEvent event;
  ann.Prepare(&first);
  ann.Prepare(&second);
  ann.Prepare(&third);
  bob.Prepare(&fourth);
  const auto one = ann.stub().WatchRun(&first, request);
  const auto two = ann.stub().WatchRun(&second, request);
  ASSERT_TRUE(one->Read(&event) && two->Read(&event));
  EXPECT_EQ(ann.stub().WatchRun(&third, request)->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  request.set_name(testing::MetadataOf(*bobs).run());
  const auto four = bob.stub().WatchRun(&fourth, request);
  EXPECT_TRUE(four->Read(&event));
  End(UidOf(*anns), v1::RUN_STATUS_APPLIED);
  End(UidOf(*bobs), v1::RUN_STATUS_APPLIED);
  for (auto* stream : {one.get(), two.get(), four.get()}) {
    while (stream->Read(&event)) {
    }
    EXPECT_TRUE(stream->Finish().ok());
  }
}

// Holds tasks until it is opened.
class Gate {
 public:
  void Open() {
    core::MutexLock lock(mutex_);
    open_ = true;
    changed_.NotifyAll();
  }
  void Pass() {
    core::MutexLock lock(mutex_);
    ++waiting_;
    changed_.NotifyAll();
    while (!open_) changed_.Wait(lock);
  }
  void AwaitWaiting(int count) {
    core::MutexLock lock(mutex_);
    while (waiting_ < count) changed_.Wait(lock);
  }

 private:
  core::Mutex mutex_;
  core::CondVar changed_;
  bool open_ = false;
  int waiting_ = 0;
};

TEST(FairExecutor, AFloodLeavesAThreadForTheOthers) {
  FairExecutor executor({.threads = 4, .queue_max = 100, .queue_tenant_max = 10});
  Gate gate, done;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(executor.Submit("flood", [&] { gate.Pass(); }).ok());
  gate.AwaitWaiting(3);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(executor.Submit("flood", [&] { gate.Pass(); }).ok());
  EXPECT_EQ(executor.Submit("flood", [] {}).code(), Code::kResourceExhausted);
  EXPECT_EQ(executor.stats().running, 3u);
  std::atomic<bool> ran{false};
  ASSERT_TRUE(executor
                  .Submit("other",
                          [&] {
                            ran = true;
                            done.Open();
                          })
                  .ok());
  done.Pass();
  EXPECT_TRUE(ran);
  gate.Open();
}

TEST(FairExecutor, AFullQueueIsUnavailableAndStoppingRunsWhatIsQueued) {
  std::atomic<int> ran{0};
  Gate gate;
  {
    FairExecutor executor({.threads = 1, .queue_max = 2, .queue_tenant_max = 2});
    ASSERT_TRUE(executor.Submit("a", [&] { gate.Pass(); }).ok());
    gate.AwaitWaiting(1);
    ASSERT_TRUE(executor.Submit("a", [&] { ++ran; }).ok());
    ASSERT_TRUE(executor.Submit("b", [&] { ++ran; }).ok());
    EXPECT_EQ(executor.Submit("c", [&] { ++ran; }).code(), Code::kUnavailable);
    EXPECT_EQ(executor.stats().refused, 1u);
    gate.Open();
  }
  EXPECT_EQ(ran, 2);
}

}  // namespace
}  // namespace stratus::provisioning::service
