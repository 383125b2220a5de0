// The state backend's rules where the states are in a bucket as well.
#include "services/provisioning/service/runtime/state_mirror.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "services/provisioning/remote_state/testing/aws_server.h"
#include "services/provisioning/service/runtime/state_keeper.h"

namespace stratus::provisioning::service {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

constexpr char kStackUid[] = "stackstackstackstack";
constexpr char kRunUid[] = "runrunrunrunrunrunru";
constexpr char kKey[] = "p/q/t/stackstackstackstack.tfstate";

std::string State(int64_t serial, const std::string& lineage = "l-1", const std::string& more = "") {
  return absl::StrCat(R"({"version":4,"serial":)", serial, R"(,"lineage":")", lineage, R"(","resources":[])", more,
                      "}");
}

std::string LockInfo(const std::string& id) { return absl::StrCat(R"({"ID":")", id, R"(","Info":"","Who":"a@b"})"); }

class StateMirrorTest : public ::testing::Test {
 protected:
  StateMirrorTest()
      : http_({.attempts_max = 1, .backoff_base = absl::Milliseconds(1), .breaker_failures = 1000}),
        remote_(&http_, server_.OptionsFor(/*lock_in_table=*/true)) {}

  void SetUp() override {
    std::string folder = testing::TempDir() + "/state-mirror-XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    ASSERT_TRUE(store::CreateKeyFile(folder_ + "/keys").ok());
    keys_ = store::KeysFromFile(folder_ + "/keys").value();
    sealer_ = std::make_unique<store::Sealer>(keys_.get());
    store_ = store::Store::Open({.database_url = "sqlite:" + folder_ + "/db", .replica = "a"}).value();
    mirror_ = std::make_unique<StateMirror>(store_.get(), &remote_);
    keeper_ = std::make_unique<StateKeeper>(store_.get(), sealer_.get(), mirror_.get());
    AddStackAndRun();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void AddStackAndRun() {
    store::StackRow stack;
    stack.uid = kStackUid;
    stack.tenant = "t";
    stack.id = "s";
    store::RunRow run;
    run.uid = kRunUid;
    run.stack_uid = kStackUid;
    run.stack_id = "s";
    run.tenant = "t";
    run.record.set_status(v1::RUN_STATUS_PENDING);
    ASSERT_TRUE(store_
                    ->Transact([&](store::Transaction& transaction) -> absl::Status {
                      if (absl::Status status = transaction.InsertStack(stack); !status.ok()) return status;
                      return transaction.InsertRun(run);
                    })
                    .ok());
    auto claimed = store_->ClaimRun({}, absl::Minutes(1));
    ASSERT_TRUE(claimed.ok() && claimed->has_value()) << claimed.status();
    epoch_ = (*claimed)->epoch;
  }

  // As another process does that takes the run over.
  void NextEpoch() {
    ASSERT_TRUE(store_
                    ->Transact([&](store::Transaction& transaction) -> absl::Status {
                      auto stack = transaction.GetStackByUid(kStackUid);
                      if (!stack.ok()) return stack.status();
                      epoch_ = ++stack->epoch;
                      return transaction.PutStack(&*stack);
                    })
                    .ok());
  }
  bool Locks(const std::string& id) {
    const auto holder = keeper_->Lock(kRunUid, id, LockInfo(id));
    return holder.ok() && !holder->has_value();
  }
  absl::Status Write(const std::string& id, const std::string& text) { return keeper_->Write(kRunUid, id, text); }
  // LOCK, POST and UNLOCK.
  void Apply(const std::string& text) {
    ASSERT_TRUE(Locks("one"));
    ASSERT_TRUE(Write("one", text).ok());
    ASSERT_TRUE(keeper_->Unlock(kRunUid, "one").ok());
  }
  int64_t Serial() { return store_->GetStackByUid(kStackUid)->state_serial; }
  std::string RunOf(int64_t serial) { return store_->GetStateVersion(kStackUid, serial)->record.run(); }
  std::optional<std::string> LockThere() { return server_.Item(absl::StrCat("b/", kKey), "Info"); }

  remote_state::testing::AwsServer server_;
  http_client::Client http_;
  remote_state::RemoteState remote_;
  std::string folder_;
  std::unique_ptr<store::KeyWrapper> keys_;
  std::unique_ptr<store::Sealer> sealer_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<StateMirror> mirror_;
  std::unique_ptr<StateKeeper> keeper_;
  int64_t epoch_ = 0;
};

TEST_F(StateMirrorTest, AWriteIsInBothAndTheLockToo) {
  ASSERT_TRUE(Locks("one"));
  EXPECT_THAT(LockThere(), Optional(HasSubstr(absl::StrCat("run=", kRunUid))));
  ASSERT_TRUE(Write("one", State(1)).ok());
  EXPECT_THAT(server_.Object(kKey), Optional(State(1)));
  EXPECT_THAT(*keeper_->Read(kRunUid), Optional(State(1)));
  ASSERT_TRUE(keeper_->Unlock(kRunUid, "one").ok());
  EXPECT_EQ(LockThere(), std::nullopt);
}

TEST_F(StateMirrorTest, ABucketThatIsDownStopsTheWriteInBoth) {
  ASSERT_TRUE(Locks("one"));
  server_.SetDown(true);
  EXPECT_TRUE(absl::IsUnavailable(Write("one", State(1))));
  EXPECT_EQ(Serial(), 0);
  server_.SetDown(false);
  EXPECT_TRUE(Write("one", State(1)).ok()) << "the engine tries again";
  EXPECT_EQ(Serial(), 1);
}

TEST_F(StateMirrorTest, AnUnlockThatDidNotReachTheBucketIsDoneAgain) {
  ASSERT_TRUE(Locks("one"));
  server_.SetDown(true);
  EXPECT_TRUE(absl::IsUnavailable(keeper_->Unlock(kRunUid, "one").status()));
  server_.SetDown(false);
  EXPECT_EQ(keeper_->Unlock(kRunUid, "one").value(), std::nullopt);
  EXPECT_EQ(LockThere(), std::nullopt);
}

TEST_F(StateMirrorTest, AWriteThatDidNotReachTheStoreIsTakenInAsTheRuns) {
  Apply(State(1));
  server_.SetObject(kKey, State(2));  // and then the service was killed
  ASSERT_TRUE(keeper_->TakeIn(kRunUid, epoch_, /*begun=*/true).ok());
  EXPECT_EQ(Serial(), 2);
  EXPECT_THAT(RunOf(2), HasSubstr(kRunUid));
}

TEST_F(StateMirrorTest, AnEngineThatRepeatsSuchAWriteIsTold) {
  ASSERT_TRUE(Locks("one"));
  server_.SetObject(kKey, State(1));
  EXPECT_TRUE(Write("one", State(1)).ok());
  EXPECT_TRUE(Write("one", State(1)).ok());
  EXPECT_EQ(Serial(), 1);
}

TEST_F(StateMirrorTest, WhatSomebodyElseWroteBecomesAVersionOfNoRun) {
  Apply(State(1));
  server_.SetObject(kKey, State(5));
  ASSERT_TRUE(Locks("two"));
  EXPECT_EQ(Serial(), 5);
  EXPECT_EQ(RunOf(5), "");
  EXPECT_THAT(*keeper_->Read(kRunUid), Optional(State(5)));
}

TEST_F(StateMirrorTest, AVersionThatTheBucketLacksIsBroughtThere) {
  Apply(State(1));
  Apply(State(2));
  server_.SetObject(kKey, State(1));
  ASSERT_TRUE(Locks("two")) << "one of the stack's former versions";
  EXPECT_THAT(server_.Object(kKey), Optional(State(2)));
  ASSERT_TRUE(keeper_->Unlock(kRunUid, "two").ok());
  ASSERT_TRUE(remote_.Remove({"t", kStackUid}).ok());
  ASSERT_TRUE(Locks("three")) << "nothing, as after a change from the store alone to a bucket";
  EXPECT_THAT(server_.Object(kKey), Optional(State(2)));
}

TEST_F(StateMirrorTest, AStateThatDoesNotGoWithTheStacksIsRefusedAndStays) {
  Apply(State(3));
  for (const std::string& other : {std::string("no state"), State(9, "l-2"), State(2), State(3, "l-1", " ")}) {
    server_.SetObject(kKey, other);
    const auto holder = keeper_->Lock(kRunUid, "two", LockInfo("two"));
    ASSERT_TRUE(holder.ok()) << holder.status();
    EXPECT_THAT(*holder, Optional(HasSubstr("was changed by somebody else"))) << "the engine is told why";
    EXPECT_EQ(LockThere(), std::nullopt);
    EXPECT_TRUE(absl::IsFailedPrecondition(keeper_->TakeIn(kRunUid, epoch_, false)));
    EXPECT_THAT(server_.Object(kKey), Optional(other));
  }
}

TEST_F(StateMirrorTest, AChangeUnderTheRunsOwnLockIsNotOverwritten) {
  Apply(State(1));
  ASSERT_TRUE(Locks("two"));
  server_.SetObject(kKey, State(7));
  EXPECT_TRUE(absl::IsAborted(Write("two", State(2))));
  EXPECT_THAT(server_.Object(kKey), Optional(State(7)));
  EXPECT_EQ(Serial(), 1);
}

TEST_F(StateMirrorTest, SomebodyElsesLockIsShownToTheEngine) {
  server_.SetItem(absl::StrCat("b/", kKey), "Info", LockInfo("theirs"));
  EXPECT_THAT(keeper_->Lock(kRunUid, "one", LockInfo("one")).value(), Optional(LockInfo("theirs")));
  EXPECT_TRUE(absl::IsAborted(Write("one", State(1)))) << "it has no lock here either";
  EXPECT_THAT(LockThere(), Optional(LockInfo("theirs")));
  EXPECT_EQ(server_.Object(kKey), std::nullopt);
}

TEST_F(StateMirrorTest, TheLockOfAKilledEngineIsReleasedAndTheNextStepLocks) {
  ASSERT_TRUE(Locks("one"));
  keeper_->ReleaseLeft(kRunUid, epoch_);
  EXPECT_EQ(LockThere(), std::nullopt);
  EXPECT_TRUE(Locks("two")) << "in the same epoch";
}

TEST_F(StateMirrorTest, ALockThatCouldNotBeReleasedIsTakenOver) {
  ASSERT_TRUE(Locks("one"));
  server_.SetDown(true);
  keeper_->ReleaseLeft(kRunUid, epoch_);
  server_.SetDown(false);
  EXPECT_THAT(LockThere(), Optional(HasSubstr("\"one\"")));
  EXPECT_TRUE(Locks("two"));
  EXPECT_THAT(LockThere(), Optional(HasSubstr("\"two\"")));
}

TEST_F(StateMirrorTest, ALockOfAnEarlierEpochIsTakenOverAndALateReleaseLeavesTheNewOne) {
  ASSERT_TRUE(Locks("one"));
  NextEpoch();
  EXPECT_TRUE(Locks("two"));
  keeper_->Unlock(kRunUid, "one").status().IgnoreError();
  EXPECT_THAT(LockThere(), Optional(HasSubstr("\"two\"")));
}

TEST_F(StateMirrorTest, AStateThatAnEngineLeftIsWrittenUnderALockOfItsOwn) {
  Apply(State(1));
  ASSERT_TRUE(keeper_->WriteLeft(kRunUid, epoch_, State(2)).ok());
  EXPECT_THAT(server_.Object(kKey), Optional(State(2)));
  EXPECT_EQ(LockThere(), std::nullopt);
  server_.SetItem(absl::StrCat("b/", kKey), "Info", LockInfo("theirs"));
  EXPECT_TRUE(absl::IsUnavailable(keeper_->WriteLeft(kRunUid, epoch_, State(3))));
  EXPECT_THAT(server_.Object(kKey), Optional(State(2)));
}

TEST_F(StateMirrorTest, ADeletedStacksStateGoesUnlessItIsLocked) {
  Apply(State(1));
  server_.SetItem(absl::StrCat("b/", kKey), "Info", LockInfo("theirs"));
  keeper_->Forget(kRunUid);
  EXPECT_THAT(server_.Object(kKey), Optional(State(1)));
  server_.SetItem(absl::StrCat("b/", kKey), "Info", remote_state::WithMark(LockInfo("left"), {kStackUid, "-", 1}, ""));
  keeper_->Forget(kRunUid);
  EXPECT_EQ(server_.Object(kKey), std::nullopt);
  EXPECT_EQ(LockThere(), std::nullopt);
}

}  // namespace
}  // namespace stratus::provisioning::service
