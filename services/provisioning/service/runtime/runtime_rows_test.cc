// What the runtime does to rows, over a real store: leases, ends, what comes due.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/provisioning/service/runtime/housekeeping.h"
#include "services/provisioning/service/runtime/lease.h"
#include "services/provisioning/service/runtime/run_end.h"
#include "services/provisioning/service/runtime/run_progress.h"
#include "services/provisioning/service/sealed_names.h"
#include "services/provisioning/store/testing/store_fixture.h"

namespace stratus::provisioning::service {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

// No engine has ever run here.
class NoEngine final : public engine::Engine {
 public:
  const engine::Isolation& isolation() const override { return isolation_; }
  absl::StatusOr<std::string> DoorsFolder(std::string_view) override { return Unused(); }
  bool HasDoors(std::string_view) const override { return false; }
  absl::Status Prepare(const engine::ModuleEntry&) override { return Unused(); }
  absl::StatusOr<std::vector<std::string>> Providers(const engine::ModuleEntry&) override { return Unused(); }
  absl::StatusOr<std::unique_ptr<engine::Watch>> Launch(const engine::Step&) override { return Unused(); }
  absl::StatusOr<std::unique_ptr<engine::Watch>> Adopt(std::string_view) override { return Unused(); }
  absl::Status KillAll(std::string_view) override { return Unused(); }
  absl::StatusOr<engine::Leavings> Collect(std::string_view) override { return Unused(); }
  absl::Status Remove(std::string_view) override { return Unused(); }
  std::vector<std::string> Folders() const override { return {}; }
  void Tidy() override {}

 private:
  static absl::Status Unused() { return absl::InternalError("not to be called"); }
  const engine::Isolation isolation_;
};

class RuntimeRowsTest : public store::testing::StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    const std::string keys = absl::StrCat(::testing::TempDir(), "/runtime-rows-keys");
    unlink(keys.c_str());
    ASSERT_TRUE(store::CreateKeyFile(keys).ok());
    keys_ = store::KeysFromFile(keys).value();
    sealer_ = std::make_unique<store::Sealer>(keys_.get());
    keeper_ = std::make_unique<StateKeeper>(store_.get(), sealer_.get());
    parts_.store = store_.get();
    parts_.sealer = sealer_.get();
    parts_.engine = &engine_;
    parts_.catalog = &catalog_;
    parts_.keeper = keeper_.get();
    parts_.counters = &counters_;
  }

  store::StackRow AddSealedStack(const std::string& id, std::function<void(store::StackRow*)> change = nullptr) {
    return AddStack("t", id, [&](store::StackRow* stack) {
      stack->sealed_variables = sealer_->Seal(StackVariablesContext(stack->uid), R"({"a":1})").value();
      if (change) change(stack);
    });
  }
  store::RunRow Claim() {
    auto run = store_->ClaimRun({}, absl::Minutes(1));
    EXPECT_TRUE(run.ok() && run->has_value());
    return **run;
  }
  std::vector<store::RunRow> Runs(const store::StackRow& stack) {
    return store_->ListRuns({.tenant = "t", .stack_uid = stack.uid, .filter = "", .page = {}})->rows;
  }

  NoEngine engine_;
  std::unique_ptr<store::KeyWrapper> keys_;
  std::unique_ptr<store::Sealer> sealer_;
  std::unique_ptr<StateKeeper> keeper_;
  RuntimeCounters counters_;
  const engine::Catalog catalog_{};  // of no modules: they have no minimum
  RuntimeParts parts_;
};

TEST_P(RuntimeRowsTest, AnExpiredStackIsDestroyedOnce) {
  const absl::Time now = absl::Now();
  const auto stack = AddSealedStack("old", [&](store::StackRow* row) {
    row->expire_time = now - absl::Seconds(1);
    row->record.set_approval_policy(v1::APPROVAL_POLICY_MANUAL);
  });
  AddSealedStack("young", [&](store::StackRow* row) { row->expire_time = now + absl::Hours(1); });
  Housekeeping housekeeping(&parts_);
  housekeeping.Once(now);
  housekeeping.Once(now);
  const auto runs = Runs(stack);
  ASSERT_THAT(runs, SizeIs(1));
  EXPECT_EQ(runs[0].record.kind(), v1::RUN_KIND_DESTROY);
  EXPECT_EQ(runs[0].record.creator(), "system");
  EXPECT_EQ(runs[0].record.approval_policy(), v1::APPROVAL_POLICY_MANUAL) << "it waits as a deletion does";
  EXPECT_EQ(sealer_->Open(RunVariablesContext(runs[0].uid), store_->GetRun(runs[0].uid)->sealed_variables).value(),
            R"({"a":1})");
  EXPECT_TRUE(store_->GetRun(runs[0].uid)->deletes_stack);
  EXPECT_EQ(store_->GetStackByUid(stack.uid)->record.state(), v1::Stack::STATE_BUSY);
}

TEST_P(RuntimeRowsTest, AProtectedStackDoesNotExpire) {
  const absl::Time now = absl::Now();
  const auto stack = AddSealedStack("kept", [&](store::StackRow* row) {
    row->expire_time = now - absl::Seconds(1);
    row->record.set_protected_(true);
  });
  Housekeeping(&parts_).Once(now);
  EXPECT_THAT(Runs(stack), IsEmpty());
  EXPECT_EQ(store_->GetStackByUid(stack.uid)->expire_time, absl::InfiniteFuture()) << "it is not asked about again";
}

TEST_P(RuntimeRowsTest, DriftIsLookedForWhereThereIsAState) {
  const absl::Time now = absl::Now();
  const auto due = [&](store::StackRow* row) {
    row->next_drift_check = now - absl::Seconds(1);
    row->record.mutable_drift_interval()->set_seconds(3600);
  };
  const auto stack = AddSealedStack("with", [&](store::StackRow* row) {
    due(row);
    row->state_serial = 3;
  });
  const auto empty = AddSealedStack("without", due);
  Housekeeping(&parts_).Once(now);
  ASSERT_THAT(Runs(stack), SizeIs(1));
  EXPECT_EQ(Runs(stack)[0].record.kind(), v1::RUN_KIND_REFRESH_ONLY);
  EXPECT_THAT(Runs(empty), IsEmpty());
  EXPECT_GT(store_->GetStackByUid(stack.uid)->next_drift_check, now + absl::Minutes(59));
}

TEST_P(RuntimeRowsTest, ABusyStackIsLeftAlone) {
  const absl::Time now = absl::Now();
  const auto stack = AddSealedStack("busy", [&](store::StackRow* row) { row->expire_time = now - absl::Seconds(1); });
  AddRun(stack);
  Housekeeping(&parts_).Once(now);
  EXPECT_THAT(Runs(stack), SizeIs(1));
  EXPECT_GT(store_->GetStackByUid(stack.uid)->expire_time, now) << "it is asked about again later";
}

TEST_P(RuntimeRowsTest, AWorkerThatLostItsLeaseWritesNothing) {
  const auto stack = AddSealedStack("s");
  AddRun(stack);
  const store::RunRow run = Claim();
  RunControl control;
  Lease lease(store_.get(), run, &control);
  const auto to_planning = [](LeasedChange& change) {
    SetStatus(&change, v1::RUN_STATUS_PLANNING, "");
    return absl::OkStatus();
  };
  EXPECT_TRUE(lease.Update(to_planning).ok());
  EXPECT_EQ(lease.run().record.status(), v1::RUN_STATUS_PLANNING);
  ASSERT_TRUE(ChangeStack(stack.uid, [](store::StackRow* row) { ++row->epoch; }).ok());
  const absl::Status refused = lease.Update([](LeasedChange& change) {
    SetStatus(&change, v1::RUN_STATUS_APPLIED, "");
    return absl::OkStatus();
  });
  EXPECT_TRUE(IsHalt(refused)) << refused;
  EXPECT_EQ(store_->GetRun(run.uid)->record.status(), v1::RUN_STATUS_PLANNING);
}

TEST_P(RuntimeRowsTest, AnEndGivesTheLeaseBackAndSettlesTheStack) {
  const auto stack = AddSealedStack("s");
  AddRun(stack);
  const store::RunRow run = Claim();
  RunControl control;
  Lease lease(store_.get(), run, &control);
  ASSERT_TRUE(lease
                  .Update([](LeasedChange& change) {
                    change.run.record.mutable_start_time()->set_seconds(1);
                    change.run.record.set_kind(v1::RUN_KIND_APPLY);
                    return absl::OkStatus();
                  })
                  .ok());
  Ending ending;
  ending.status = v1::RUN_STATUS_APPLIED;
  ASSERT_TRUE(service::EndRun(parts_, &lease, nullptr, ending).ok());
  const auto after = store_->GetStackByUid(stack.uid);
  EXPECT_EQ(after->lease_run, "");
  EXPECT_EQ(after->epoch, run.epoch) << "epochs never go down";
  EXPECT_EQ(after->record.state(), v1::Stack::STATE_READY);
  EXPECT_EQ(counters_.ended[v1::RUN_STATUS_APPLIED].load(), 1u);
}

TEST_P(RuntimeRowsTest, ADeletedStackTakesTheRunsBehindItAlong) {
  const auto stack = AddSealedStack("s");
  const auto first = AddRun(stack);
  ASSERT_TRUE(ChangeRun(first.uid, [](store::RunRow* run) { run->deletes_stack = true; }).ok());
  const auto second = AddRun(stack);
  const store::RunRow run = Claim();
  RunControl control;
  Lease lease(store_.get(), run, &control);
  Ending ending;
  ending.status = v1::RUN_STATUS_APPLIED;
  ASSERT_TRUE(service::EndRun(parts_, &lease, nullptr, ending).ok());
  EXPECT_TRUE(absl::IsNotFound(store_->GetStackByUid(stack.uid).status()));
  EXPECT_EQ(store_->GetRun(first.uid)->record.status(), v1::RUN_STATUS_APPLIED);
  EXPECT_EQ(store_->GetRun(second.uid)->record.status(), v1::RUN_STATUS_CANCELED) << "its caller hears of it";
}

INSTANTIATE_TEST_SUITE_P(Stores, RuntimeRowsTest, store::testing::EveryBackend(), store::testing::BackendName);

TEST(MaskedOutputs, ShowsWhatIsNotSensitive) {
  const auto masked = MaskedOutputs(R"({"a":{"value":"x","type":"string","sensitive":false},
                                        "b":{"value":"y","type":"string","sensitive":true}})");
  ASSERT_TRUE(masked.ok()) << masked.status();
  EXPECT_EQ(masked->fields().at("a").string_value(), "x");
  EXPECT_TRUE(masked->fields().at("b").has_null_value());
  EXPECT_TRUE(absl::IsInvalidArgument(MaskedOutputs("[]").status()));
}

TEST(RunProgress, ComesBackAsItWas) {
  const RunProgress progress{2, "2-plan", 12345, "abc", absl::FromUnixMillis(1'700'000'000'123)};
  const auto read = ProgressFromText(ToText(progress));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->number, 2);
  EXPECT_EQ(read->step, "2-plan");
  EXPECT_EQ(read->offset, 12345);
  EXPECT_EQ(read->data_dir_id, "abc");
  EXPECT_EQ(read->began, progress.began);
  EXPECT_EQ(ProgressFromText("{}").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ProgressFromText("").status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace stratus::provisioning::service
