// Which run is next and who may run it, on each database.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/core/mutex.h"
#include "services/provisioning/store/store.h"
#include "services/provisioning/store/testing/store_fixture.h"

namespace stratus::provisioning::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr absl::Duration kTtl = absl::Minutes(5);
constexpr absl::Duration kRunOut = -absl::Seconds(1);  // a lease that has run out when it is granted

class RunQueueTest : public testing::StoreTest {
 protected:
  // The uid of the run that is next, or empty.
  std::string Claim(Store& store, int per_tenant = 4, absl::Duration ttl = kTtl) {
    auto run = store.ClaimRun({.global = 100, .per_tenant = per_tenant}, ttl);
    EXPECT_TRUE(run.ok()) << run.status();
    return run.ok() && run->has_value() ? (*run)->uid : "";
  }
  std::string Claim(int per_tenant = 4, absl::Duration ttl = kTtl) { return Claim(*store_, per_tenant, ttl); }

  StackRow Hold(std::string_view tenant, std::string_view id, std::optional<absl::Time> until) {
    return AddStack(tenant, id, [&](StackRow* row) {
      row->record.mutable_lock()->set_reason("hands off");
      if (until) row->record.mutable_lock()->mutable_expire_time()->set_seconds(absl::ToUnixSeconds(*until));
    });
  }
};

TEST_P(RunQueueTest, AClaimGrantsTheStacksLease) {
  const StackRow stack = AddStack("acme", "web", [](StackRow* row) { row->epoch = 6; });
  const RunRow run = AddRun(stack);
  const absl::Time before = absl::Now();
  auto claimed = store_->ClaimRun({}, kTtl);
  ASSERT_TRUE(claimed.ok() && claimed->has_value()) << claimed.status();
  EXPECT_EQ((*claimed)->uid, run.uid);
  EXPECT_EQ((*claimed)->epoch, 7);
  EXPECT_EQ((*claimed)->version, 2);
  const StackRow leased = *store_->GetStack("acme", "web");
  EXPECT_EQ(leased.epoch, 7);
  EXPECT_EQ(leased.version, 2);
  EXPECT_EQ(leased.lease_run, run.uid);
  EXPECT_EQ(leased.lease_holder, "replica-1");
  EXPECT_GE(leased.lease_expires, before + kTtl - absl::Seconds(1));
  EXPECT_LE(leased.lease_expires, absl::Now() + kTtl + absl::Seconds(1));
  EXPECT_EQ(store_->GetRun(run.uid)->epoch, 7);
  EXPECT_EQ(Claim(), "");
  // The returned row can be put: it is what is stored.
  (*claimed)->record.set_status(v1::RUN_STATUS_APPLYING);
  EXPECT_TRUE(store_->Transact([&](Transaction& t) { return t.PutRun(&**claimed); }).ok());
}

TEST_P(RunQueueTest, RunsOfAStackGoInOrderOneAfterAnother) {
  const StackRow stack = AddStack("acme", "web");
  std::vector<std::string> added, claimed;
  for (int i = 0; i < 5; ++i) added.push_back(AddRun(stack).uid);
  for (int i = 0; i < 5; ++i) {
    claimed.push_back(Claim());
    EXPECT_EQ(Claim(), "") << "the stack has a lease";
    EndRun(claimed.back());
  }
  EXPECT_EQ(claimed, added);
}

TEST_P(RunQueueTest, ARunThatWaitsForApprovalKeepsLaterOnesBack) {
  const StackRow stack = AddStack("acme", "web");
  const RunRow planned = AddRun(stack, v1::RUN_STATUS_PLANNED);
  const RunRow later = AddRun(stack);
  EXPECT_EQ(Claim(), "");
  ASSERT_TRUE(ChangeRun(planned.uid, [](RunRow* row) { row->record.set_status(v1::RUN_STATUS_CONFIRMED); }).ok());
  EXPECT_EQ(Claim(), planned.uid);
  EndRun(planned.uid);
  EXPECT_EQ(Claim(), later.uid);
}

TEST_P(RunQueueTest, TheTenantWithTheFewestLeasesIsServedFirst) {
  for (int i = 0; i < 6; ++i) AddRun(AddStack("big", absl::StrCat("s", i)));
  EXPECT_NE(Claim(), "");
  EXPECT_NE(Claim(), "");
  for (int i = 0; i < 2; ++i) AddRun(AddStack("small", absl::StrCat("s", i)));
  // big has two leases: small gets both of its turns before big's next.
  std::vector<std::string> tenants;
  for (int i = 0; i < 3; ++i) tenants.push_back(store_->GetRun(Claim())->tenant);
  EXPECT_THAT(std::vector<std::string>(tenants.begin(), tenants.begin() + 2), ElementsAre("small", "small"));
  EXPECT_EQ(tenants[2], "big");
}

TEST_P(RunQueueTest, EqualTenantsTakeTurns) {
  for (const char* tenant : {"a", "b", "c"}) {
    for (int i = 0; i < 3; ++i) AddRun(AddStack(tenant, absl::StrCat("s", i)));
  }
  std::vector<std::string> tenants;
  for (int i = 0; i < 9; ++i) {
    const std::string uid = Claim();
    tenants.push_back(store_->GetRun(uid)->tenant);
    EndRun(uid);  // nobody ever has a lease when the next one is chosen
  }
  EXPECT_THAT(tenants, ElementsAre("a", "b", "c", "a", "b", "c", "a", "b", "c"));
}

TEST_P(RunQueueTest, ATenantsLimitHoldsOverAllReplicas) {
  const auto other = OpenReplica("replica-2");
  for (int i = 0; i < 4; ++i) AddRun(AddStack("acme", absl::StrCat("s", i)));
  const std::string first = Claim(*store_, 2), second = Claim(*other, 2);
  EXPECT_NE(first, "");
  EXPECT_NE(second, "");
  EXPECT_EQ(Claim(*store_, 2), "");
  EXPECT_EQ(Claim(*other, 2), "");
  AddRun(AddStack("globex", "s"));
  EXPECT_EQ(store_->GetRun(Claim(*other, 2))->tenant, "globex");
  EndRun(first);
  EXPECT_NE(Claim(*store_, 2), "");
  EXPECT_EQ(Claim(*other, 2), "");
}

TEST_P(RunQueueTest, ALockedStackWaitsUntilItsLockEnds) {
  AddRun(Hold("acme", "for-ever", std::nullopt));
  AddRun(Hold("acme", "an-hour", absl::Now() + absl::Hours(1)));
  EXPECT_EQ(Claim(), "");
  const RunRow run = AddRun(Hold("acme", "until-a-minute-ago", absl::Now() - absl::Minutes(1)));
  EXPECT_EQ(Claim(), run.uid);
  EXPECT_EQ(Claim(), "");
  const StackRow held = *store_->GetStack("acme", "for-ever");
  ASSERT_TRUE(ChangeStack(held.uid, [](StackRow* row) { row->record.clear_lock(); }).ok());
  EXPECT_EQ(store_->GetRun(Claim())->stack_id, "for-ever");
}

TEST_P(RunQueueTest, ManyThreadsOnTwoReplicasGetEachRunOnce) {
  const auto other = OpenReplica("replica-2");
  constexpr int kTenants = 4, kStacks = 5, kRunsAStack = 3;
  for (int tenant = 0; tenant < kTenants; ++tenant) {
    for (int i = 0; i < kStacks; ++i) {
      const StackRow stack = AddStack(absl::StrCat("t", tenant), absl::StrCat("s", i));
      for (int run = 0; run < kRunsAStack; ++run) AddRun(stack);
    }
  }
  constexpr int kAll = kTenants * kStacks * kRunsAStack;
  core::Mutex mu;
  std::map<std::string, int> claims;
  std::map<std::string, std::vector<std::string>> by_stack;
  std::atomic<int> claimed = 0, at_work = 0, too_many = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      Store& store = i % 2 == 0 ? *store_ : *other;
      while (claimed < kAll) {
        const std::string uid = Claim(store, 2);
        if (uid.empty()) continue;
        if (++at_work > 2 * kTenants) ++too_many;
        ++claimed;
        {
          core::MutexLock lock(mu);
          ++claims[uid];
          by_stack[store.GetRun(uid)->stack_uid].push_back(uid);
        }
        --at_work;  // before the lease goes: an upper bound on leases
        EndRun(uid);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(claims, SizeIs(kAll));
  for (const auto& [uid, times] : claims) EXPECT_EQ(times, 1) << uid;
  for (auto& [stack, runs] : by_stack) EXPECT_TRUE(std::is_sorted(runs.begin(), runs.end())) << stack;
  EXPECT_EQ(too_many, 0);
  EXPECT_EQ(Claim(), "");
}

TEST_P(RunQueueTest, AClaimPassesOverAStackThatIsBeingWrittenAndOtherwiseWaitsForIt) {
  if (!postgres()) GTEST_SKIP() << "SQLite has one writer: nobody writes while a claim is made";
  const auto other = OpenReplica("replica-2");
  const StackRow busy = AddStack("acme", "busy"), idle = AddStack("acme", "idle");
  const RunRow first = AddRun(busy), second = AddRun(idle);
  std::thread waiting;
  std::string waited_for;
  ASSERT_TRUE(store_
                  ->Transact([&](Transaction& t) {
                    auto row = t.GetStackByUid(busy.uid);
                    EXPECT_EQ(Claim(*other), second.uid);
                    // The only one left is locked: a claim that said "nothing to do" would leave it lying.
                    waiting = std::thread([&] { waited_for = Claim(*other); });
                    return t.PutStack(&*row);
                  })
                  .ok());
  waiting.join();
  EXPECT_EQ(waited_for, first.uid);
}

TEST_P(RunQueueTest, ALeaseIsRenewedByItsHolderAlone) {
  const auto other = OpenReplica("replica-2");
  const RunRow run = AddRun(AddStack("acme", "web"));
  ASSERT_EQ(Claim(), run.uid);
  const StackRow before = *store_->GetStack("acme", "web");
  EXPECT_THAT(*store_->RenewLeases({run.uid}, absl::Hours(2)), IsEmpty());
  const StackRow after = *store_->GetStack("acme", "web");
  EXPECT_GT(after.lease_expires, before.lease_expires + absl::Hours(1));
  EXPECT_EQ(after.version, before.version) << "a heartbeat must not make etags stale";
  EXPECT_THAT(*other->RenewLeases({run.uid, "none"}, kTtl), UnorderedElementsAre(run.uid, "none"));
  EXPECT_EQ(store_->GetStack("acme", "web")->lease_expires, after.lease_expires);
  EXPECT_THAT(*store_->RenewLeases({}, kTtl), IsEmpty());
}

TEST_P(RunQueueTest, ALeaseWhoseEpochMovedOnIsLost) {
  const RunRow run = AddRun(AddStack("acme", "web"));
  ASSERT_EQ(Claim(), run.uid);
  ASSERT_TRUE(ChangeStack(store_->GetStack("acme", "web")->uid, [](StackRow* row) { ++row->epoch; }).ok());
  EXPECT_THAT(*store_->RenewLeases({run.uid}, kTtl), ElementsAre(run.uid));
}

TEST_P(RunQueueTest, ALeaseThatRanOutIsTakenOverByAnotherReplica) {
  const auto other = OpenReplica("replica-2");
  const RunRow alive = AddRun(AddStack("acme", "alive")), dead = AddRun(AddStack("acme", "dead"));
  ASSERT_EQ(Claim(), alive.uid);
  ASSERT_EQ(Claim(4, kRunOut), dead.uid);
  EXPECT_EQ(Claim(*other), "") << "a run that was begun is taken over, never claimed";
  auto taken = other->TakeOver(false, kTtl, 10);
  ASSERT_TRUE(taken.ok()) << taken.status();
  ASSERT_THAT(*taken, SizeIs(1));
  EXPECT_EQ((*taken)[0].uid, dead.uid);
  EXPECT_EQ((*taken)[0].epoch, 2);
  const StackRow stack = *store_->GetStack("acme", "dead");
  EXPECT_EQ(stack.epoch, 2);
  EXPECT_EQ(stack.lease_holder, "replica-2");
  EXPECT_EQ(stack.lease_run, dead.uid);
  EXPECT_THAT(*store_->RenewLeases({alive.uid, dead.uid}, kTtl), ElementsAre(dead.uid));
  EXPECT_THAT(*other->TakeOver(false, kTtl, 10), IsEmpty());
}

TEST_P(RunQueueTest, AClockThatWasSetBackKeepsNoLease) {
  const StackRow stack = AddStack("acme", "web");
  AddRun(stack);
  const std::string run = Claim();
  // What the lease looks like once the clock is an hour back.
  const absl::Time far = absl::Now() + absl::Hours(1);
  ASSERT_TRUE(ChangeStack(stack.uid, [&](StackRow* row) { row->lease_expires = far; }).ok());
  EXPECT_TRUE(OpenReplica("replica-2")->TakeOver(/*own=*/false, kTtl, 10)->empty()) << "its holder may be alive";
  EXPECT_LT(store_->GetStackByUid(stack.uid)->lease_expires, far - absl::Minutes(1))
      << "but if it is not, that shows after the usual time";
  EXPECT_TRUE(store_->RenewLeases({run}, kTtl)->empty());
}

TEST_P(RunQueueTest, WhoeverHadAnOldEpochCanNoLongerWrite) {
  const auto other = OpenReplica("replica-2");
  const RunRow run = AddRun(AddStack("acme", "web"));
  ASSERT_EQ(Claim(4, kRunOut), run.uid);
  StackRow zombies_stack = *store_->GetStack("acme", "web");
  RunRow zombies_run = *store_->GetRun(run.uid);
  ASSERT_THAT(*other->TakeOver(false, kTtl, 10), SizeIs(1));
  zombies_stack.state_serial = 99;
  EXPECT_TRUE(absl::IsAborted(store_->Transact([&](Transaction& t) { return t.PutStack(&zombies_stack); })));
  zombies_run.record.set_status(v1::RUN_STATUS_APPLIED);
  EXPECT_TRUE(absl::IsAborted(store_->Transact([&](Transaction& t) { return t.PutRun(&zombies_run); })));
  EXPECT_EQ(store_->GetStack("acme", "web")->state_serial, 0);
}

TEST_P(RunQueueTest, EpochsGoUpWithEveryGrant) {
  const StackRow stack = AddStack("acme", "web");
  int64_t last = 0;
  for (int i = 0; i < 3; ++i) {
    const RunRow run = AddRun(stack);
    ASSERT_EQ(Claim(4, kRunOut), run.uid);
    EXPECT_GT(store_->GetRun(run.uid)->epoch, last);
    auto taken = store_->TakeOver(false, kRunOut, 10);
    ASSERT_THAT(*taken, SizeIs(1));
    EXPECT_EQ((*taken)[0].epoch, store_->GetStack("acme", "web")->epoch);
    last = (*taken)[0].epoch;
    EndRun(run.uid);
    EXPECT_EQ(store_->GetStack("acme", "web")->epoch, last) << "giving a lease back keeps the epoch";
  }
  EXPECT_EQ(last, 6);
}

TEST_P(RunQueueTest, ARestartedReplicaTakesItsOwnLeasesBackAndOnlyOnce) {
  const auto other = OpenReplica("replica-2");
  for (int i = 0; i < 3; ++i) {
    AddRun(AddStack("acme", absl::StrCat("s", i)));
    ASSERT_NE(Claim(), "");
  }
  const RunRow others = AddRun(AddStack("acme", "s3"));
  ASSERT_EQ(Claim(*other), others.uid);
  EXPECT_THAT(*store_->TakeOver(true, kTtl, 10), IsEmpty()) << "this process looks after them";
  store_.reset();
  store_ = OpenReplica("replica-1");
  std::set<std::string> taken;
  for (int i = 0; i < 2; ++i) {
    auto runs = store_->TakeOver(true, kTtl, 2);  // more than one call may be needed; none gives a run twice
    for (const RunRow& run : *runs) EXPECT_TRUE(taken.insert(run.uid).second);
  }
  EXPECT_THAT(taken, SizeIs(3));
  EXPECT_FALSE(taken.contains(others.uid));
  EXPECT_THAT(*store_->TakeOver(true, kTtl, 10), IsEmpty());
  EXPECT_THAT(*other->RenewLeases({others.uid}, kTtl), IsEmpty());
}

TEST_P(RunQueueTest, ReplicasThatTakeOverAtOnceShareTheRuns) {
  constexpr int kRuns = 20;
  for (int i = 0; i < kRuns; ++i) {
    AddRun(AddStack("acme", absl::StrCat("s", i)));
    ASSERT_NE(Claim(kRuns, kRunOut), "");
  }
  core::Mutex mu;
  std::vector<std::string> taken;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const auto replica = OpenReplica(absl::StrCat("taker-", i));
      // A look may pass over what another has locked; the next one does not.
      for (int round = 0; round < 10; ++round) {
        auto runs = replica->TakeOver(false, kTtl, 3);
        EXPECT_TRUE(runs.ok()) << runs.status();
        core::MutexLock lock(mu);
        for (const RunRow& run : *runs) taken.push_back(run.uid);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(taken, SizeIs(kRuns));
  EXPECT_THAT(std::set<std::string>(taken.begin(), taken.end()), SizeIs(kRuns));
}

TEST_P(RunQueueTest, OpenRunsAreThoseThatHaveNotEndedOldestFirst) {
  const StackRow stack = AddStack("acme", "web");
  const RunRow ended = AddRun(stack, v1::RUN_STATUS_ERRORED), planned = AddRun(stack, v1::RUN_STATUS_PLANNED),
               interrupted = AddRun(stack, v1::RUN_STATUS_INTERRUPTED), pending = AddRun(stack);
  AddRun(AddStack("acme", "other"));
  std::vector<std::string> uids;
  ASSERT_TRUE(store_
                  ->Transact([&](Transaction& t) {
                    auto runs = t.OpenRuns(stack.uid);
                    if (!runs.ok()) return runs.status();
                    for (const RunRow& run : *runs) uids.push_back(run.uid);
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_THAT(uids, ElementsAre(planned.uid, interrupted.uid, pending.uid));
}

TEST_P(RunQueueTest, UseCountsWhatWaitsAndWhatRuns) {
  const StackRow first = AddStack("acme", "a"), second = AddStack("acme", "b");
  AddStack("globex", "c");
  AddRun(first);
  AddRun(first, v1::RUN_STATUS_CONFIRMED);
  AddRun(second, v1::RUN_STATUS_PLANNED);
  AddRun(second, v1::RUN_STATUS_APPLIED);
  const auto use = [&] { return *store_->Use("acme"); };
  EXPECT_EQ(use().stacks, 2);
  EXPECT_EQ(use().queued_runs, 2);
  EXPECT_EQ(use().running_runs, 0);
  ASSERT_NE(Claim(), "");
  EXPECT_EQ(use().queued_runs, 1) << "a claimed run is counted as running, though it has not begun to plan";
  EXPECT_EQ(use().running_runs, 1);
  EXPECT_EQ(store_->Use("nobody")->stacks, 0);
}

TEST_P(RunQueueTest, AQueuePositionCountsTheRunsOfTheTenantBeforeIt) {
  const RunRow first = AddRun(AddStack("acme", "a"));
  AddRun(AddStack("globex", "x"));
  const RunRow second = AddRun(AddStack("acme", "b")), third = AddRun(AddStack("acme", "c"));
  EXPECT_EQ(*store_->QueuePosition(first.uid), 0);
  EXPECT_EQ(*store_->QueuePosition(second.uid), 1);
  EXPECT_EQ(*store_->QueuePosition(third.uid), 2);
  ASSERT_EQ(Claim(), first.uid);
  EXPECT_EQ(*store_->QueuePosition(first.uid), 0);
  EXPECT_EQ(*store_->QueuePosition(third.uid), 1);
  EXPECT_EQ(*store_->QueuePosition("none"), 0);
}

TEST_P(RunQueueTest, OpenRunsAreCountedByStatusOverAllTenants) {
  EXPECT_THAT(*store_->CountOpenRuns(), ::testing::IsEmpty());
  AddRun(AddStack("acme", "a"));
  AddRun(AddStack("globex", "x"));
  AddRun(AddStack("acme", "b"), v1::RUN_STATUS_APPLYING);
  EndRun(AddRun(AddStack("acme", "c")).uid);
  EXPECT_THAT(*store_->CountOpenRuns(),
              ElementsAre(::testing::Pair(v1::RUN_STATUS_PENDING, 2), ::testing::Pair(v1::RUN_STATUS_APPLYING, 1)));
  EXPECT_EQ(store_->connections().in_use, 0);
}

INSTANTIATE_TEST_SUITE_P(Backends, RunQueueTest, testing::EveryBackend(), testing::BackendName);

}  // namespace
}  // namespace stratus::provisioning::store
