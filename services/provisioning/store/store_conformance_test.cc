// What a Store promises, on each database: rows and transactions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/provisioning/store/store.h"
#include "services/provisioning/store/testing/store_fixture.h"

namespace stratus::provisioning::store {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using ConformanceTest = testing::StoreTest;

TEST_P(ConformanceTest, GivesBackAStackAsItWasPut) {
  StackRow stack = MakeStack("acme", "web");
  stack.record.set_approval_policy(v1::APPROVAL_POLICY_AUTO);
  (*stack.record.mutable_labels())["env"] = "prod";
  stack.sealed_outputs = std::string("\0\x01\xfe", 3);
  stack.epoch = 7;
  stack.lease_run = "r1";
  stack.lease_holder = "replica-9";
  stack.lease_expires = absl::FromUnixMicros(1'800'000'000'123'456);
  stack.lock_id = "lock";
  stack.lock_info = "{\"ID\":\"lock\"}";
  stack.lock_epoch = 7;
  stack.state_serial = 12;
  stack.expire_time = absl::FromUnixSeconds(1'900'000'000);
  ASSERT_TRUE(store_->Transact([&](Transaction& t) { return t.InsertStack(stack); }).ok());

  for (const auto& read : {store_->GetStack("acme", "web"), store_->GetStackByUid(stack.uid)}) {
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->uid, stack.uid);
    EXPECT_EQ(read->tenant, "acme");
    EXPECT_EQ(read->id, "web");
    EXPECT_EQ(read->record.SerializeAsString(), stack.record.SerializeAsString());
    EXPECT_EQ(read->sealed_variables, stack.sealed_variables);
    EXPECT_EQ(read->sealed_outputs, stack.sealed_outputs);
    EXPECT_EQ(read->version, 1);
    EXPECT_EQ(read->epoch, 7);
    EXPECT_EQ(read->lease_run, "r1");
    EXPECT_EQ(read->lease_holder, "replica-9");
    EXPECT_EQ(read->lease_expires, stack.lease_expires);
    EXPECT_EQ(read->lock_id, "lock");
    EXPECT_EQ(read->lock_info, stack.lock_info);
    EXPECT_EQ(read->lock_epoch, 7);
    EXPECT_EQ(read->state_serial, 12);
    EXPECT_EQ(read->expire_time, stack.expire_time);
    EXPECT_EQ(read->next_drift_check, absl::InfiniteFuture());
  }
}

TEST_P(ConformanceTest, GivesBackARunAsItWasPut) {
  const StackRow stack = AddStack("acme", "web");
  RunRow run = MakeRun(stack);
  run.deletes_stack = true;
  run.work_folder = "/data/runs/x";
  run.record.set_message("hello");
  ASSERT_TRUE(store_->Transact([&](Transaction& t) { return t.InsertRun(run); }).ok());
  ASSERT_TRUE(ChangeRun(run.uid, [](RunRow* row) { row->cancel_requested = true; }).ok());
  auto read = store_->GetRun(run.uid);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->stack_uid, stack.uid);
  EXPECT_EQ(read->stack_id, "web");
  EXPECT_EQ(read->tenant, "acme");
  EXPECT_EQ(read->version, 2);
  EXPECT_TRUE(read->cancel_requested);
  EXPECT_FALSE(read->force_cancel_requested);
  EXPECT_TRUE(read->deletes_stack);
  EXPECT_EQ(read->work_folder, "/data/runs/x");
  EXPECT_EQ(read->sealed_variables, "sealed");
  EXPECT_EQ(read->record.message(), "hello");
}

TEST_P(ConformanceTest, WhatIsNotThereIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(store_->GetStack("acme", "web").status()));
  EXPECT_TRUE(absl::IsNotFound(store_->GetStackByUid("none").status()));
  EXPECT_TRUE(absl::IsNotFound(store_->GetRun("none").status()));
  EXPECT_TRUE(absl::IsNotFound(store_->GetStateVersion("none", 1).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->GetBlob("none", "plan").status()));
  EXPECT_TRUE(absl::IsNotFound(store_->Transact([](Transaction& t) { return t.GetRun("none").status(); })));
  EXPECT_TRUE(absl::IsNotFound(store_->Transact([](Transaction& t) { return t.DeleteStack("none"); })));
  StackRow ghost = MakeStack("acme", "ghost");
  EXPECT_TRUE(absl::IsNotFound(store_->Transact([&](Transaction& t) { return t.PutStack(&ghost); })));
  // What hangs on a row that is gone has nowhere to go.
  EXPECT_TRUE(absl::IsNotFound(store_->Transact([&](Transaction& t) { return t.InsertRun(MakeRun(ghost)); })));
  EXPECT_TRUE(absl::IsNotFound(store_->Transact([](Transaction& t) { return t.PutBlob("none", "plan", "x"); })));
  EXPECT_THAT(*store_->Events("none", 0, 10), IsEmpty());
  EXPECT_THAT(*store_->Ledger("none"), IsEmpty());
}

TEST_P(ConformanceTest, AnIdIsUniqueWithinItsTenantAlone) {
  AddStack("acme", "web");
  AddStack("globex", "web");
  const StackRow second = MakeStack("acme", "web");
  EXPECT_TRUE(absl::IsAlreadyExists(store_->Transact([&](Transaction& t) { return t.InsertStack(second); })));
  EXPECT_TRUE(absl::IsNotFound(store_->GetStack("initech", "web").status()));
}

TEST_P(ConformanceTest, AStaleVersionLoses) {
  const StackRow stack = AddStack("acme", "web");
  StackRow mine = *store_->GetStack("acme", "web");
  ASSERT_TRUE(ChangeStack(stack.uid, [](StackRow* row) { row->state_serial = 5; }).ok());
  mine.state_serial = 99;
  EXPECT_TRUE(absl::IsAborted(store_->Transact([&](Transaction& t) { return t.PutStack(&mine); })));
  EXPECT_EQ(store_->GetStack("acme", "web")->state_serial, 5);
  EXPECT_EQ(store_->GetStack("acme", "web")->version, 2);

  const RunRow run = AddRun(stack);
  RunRow stale = *store_->GetRun(run.uid);
  ASSERT_TRUE(ChangeRun(run.uid, [](RunRow* row) { row->cancel_requested = true; }).ok());
  EXPECT_TRUE(absl::IsAborted(store_->Transact([&](Transaction& t) { return t.PutRun(&stale); })));
  EXPECT_TRUE(store_->GetRun(run.uid)->cancel_requested);
}

TEST_P(ConformanceTest, AnEpochNeverGoesBack) {
  const StackRow stack = AddStack("acme", "web", [](StackRow* row) { row->epoch = 5; });
  EXPECT_TRUE(absl::IsAborted(ChangeStack(stack.uid, [](StackRow* row) { row->epoch = 4; })));
  EXPECT_TRUE(ChangeStack(stack.uid, [](StackRow* row) { row->epoch = 6; }).ok());
  EXPECT_EQ(store_->GetStack("acme", "web")->epoch, 6);
}

TEST_P(ConformanceTest, AFailedTransactionLeavesNothing) {
  const StackRow stack = AddStack("acme", "web");
  const absl::Status status = store_->Transact([&](Transaction& t) {
    auto row = t.GetStackByUid(stack.uid);
    row->state_serial = 9;
    (*row->record.mutable_labels())["env"] = "prod";
    EXPECT_TRUE(t.PutStack(&*row).ok());
    EXPECT_TRUE(t.InsertStack(MakeStack("acme", "other")).ok());
    EXPECT_TRUE(t.InsertRun(MakeRun(stack)).ok());
    return absl::FailedPreconditionError("no");
  });
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_EQ(store_->GetStack("acme", "web")->state_serial, 0);
  EXPECT_EQ(store_->GetStack("acme", "web")->version, 1);
  EXPECT_TRUE(absl::IsNotFound(store_->GetStack("acme", "other").status()));
  EXPECT_EQ(store_->Use("acme")->queued_runs, 0);
}

TEST_P(ConformanceTest, ABodyThatPassesOverADatabaseErrorDoesNotCommit) {
  const absl::Status status = store_->Transact([&](Transaction& t) {
    EXPECT_TRUE(t.InsertStack(MakeStack("acme", "web")).ok());
    EXPECT_FALSE(t.PutBlob("none", "plan", "x").ok());
    return absl::OkStatus();
  });
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_TRUE(absl::IsNotFound(store_->GetStack("acme", "web").status()));
}

TEST_P(ConformanceTest, ConcurrentTransactionsOnOneStackLoseNothing) {
  const StackRow stack = AddStack("acme", "web");
  const auto other = OpenReplica("replica-2");
  constexpr int kThreads = 8, kRounds = 25;
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      Store& store = i % 2 == 0 ? *store_ : *other;
      for (int round = 0; round < kRounds; ++round) {
        const absl::Status status = store.Transact([&](Transaction& t) {
          auto row = t.GetStackByUid(stack.uid);
          if (!row.ok()) return row.status();
          ++row->state_serial;
          return t.PutStack(&*row);
        });
        if (!status.ok()) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(store_->GetStack("acme", "web")->state_serial, kThreads * kRounds);
  EXPECT_EQ(store_->GetStack("acme", "web")->version, 1 + kThreads * kRounds);
}

TEST_P(ConformanceTest, TransactionsThatLockInOppositeOrdersAllEndWell) {
  const StackRow first = AddStack("acme", "a"), second = AddStack("acme", "b");
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 10; ++round) {
        const absl::Status status = store_->Transact([&](Transaction& t) {
          for (const StackRow* stack : {i == 0 ? &first : &second, i == 0 ? &second : &first}) {
            auto row = t.GetStackByUid(stack->uid);
            if (!row.ok()) return row.status();
            ++row->state_serial;
            const absl::Status put = t.PutStack(&*row);
            if (!put.ok()) return put;
          }
          return absl::OkStatus();
        });
        if (!status.ok()) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(store_->GetStack("acme", "a")->state_serial, 20);
  EXPECT_EQ(store_->GetStack("acme", "b")->state_serial, 20);
}

TEST_P(ConformanceTest, EventsAreNumberedWithoutGapsWhoeverAppends) {
  const RunRow run = AddRun(AddStack("acme", "web"));
  const auto other = OpenReplica("replica-2");
  constexpr int kThreads = 4, kRounds = 10;
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < kRounds; ++round) {
        const absl::Status status = (i % 2 == 0 ? *store_ : *other).Transact([&](Transaction& t) {
          RunRow stale = run;  // not even a row read before may tear a hole
          return t.AppendEvents(&stale, {MakeEvent("a"), MakeEvent("b")});
        });
        if (!status.ok()) ++failures;
        // A transaction that fails must not use up numbers.
        EXPECT_TRUE(absl::IsCancelled(store_->Transact([&](Transaction& t) {
          RunRow stale = run;
          EXPECT_TRUE(t.AppendEvents(&stale, {MakeEvent("lost")}).ok());
          return absl::CancelledError();
        })));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  auto events = store_->Events(run.uid, 0, 1000);
  ASSERT_THAT(*events, SizeIs(kThreads * kRounds * 2));
  for (size_t i = 0; i < events->size(); ++i) {
    EXPECT_EQ((*events)[i].sequence, static_cast<int64_t>(i) + 1);
    EXPECT_EQ((*events)[i].event.sequence(), static_cast<int64_t>(i) + 1);
    EXPECT_EQ((*events)[i].event.log().message(), i % 2 == 0 ? "a" : "b");
  }
  EXPECT_EQ(store_->GetRun(run.uid)->record.last_sequence(), kThreads * kRounds * 2);
}

TEST_P(ConformanceTest, AppendingEventsLeavesTheRunsVersionAndAPutLeavesTheSequence) {
  RunRow run = AddRun(AddStack("acme", "web"));
  ASSERT_TRUE(store_
                  ->Transact([&](Transaction& t) {
                    const absl::Status status = t.AppendEvents(&run, {MakeEvent("a"), MakeEvent("b")});
                    EXPECT_EQ(run.record.last_sequence(), 2);
                    return status;
                  })
                  .ok());
  run.record.set_last_sequence(0);
  ASSERT_TRUE(store_->Transact([&](Transaction& t) { return t.PutRun(&run); }).ok());
  EXPECT_EQ(store_->GetRun(run.uid)->record.last_sequence(), 2);
  EXPECT_THAT(*store_->Events(run.uid, 1, 10), SizeIs(1));
  EXPECT_THAT(*store_->Events(run.uid, 0, 1), SizeIs(1));
}

TEST_P(ConformanceTest, TheLedgerKeepsTheLatestOfEachAddress) {
  const RunRow run = AddRun(AddStack("acme", "web"));
  LedgerRow row{.address = "digitalocean_ssh_key.key[\"a\"]",
                .resource_type = "digitalocean_ssh_key",
                .action = v1::ResourceChange::ACTION_CREATE,
                .phase = v1::RunEvent::ResourceProgress::PHASE_STARTED,
                .id_key = "",
                .id = "",
                .started = absl::FromUnixSeconds(5)};
  const LedgerRow begun = row;
  row.phase = v1::RunEvent::ResourceProgress::PHASE_COMPLETED;
  row.id_key = "id";
  row.id = "42";
  LedgerRow second = begun;
  second.address = "digitalocean_ssh_key.key[\"b\"]";
  ASSERT_TRUE(store_
                  ->Transact([&](Transaction& t) {
                    for (const LedgerRow& put : {begun, second, row}) {
                      const absl::Status status = t.PutLedger(run.uid, put);
                      if (!status.ok()) return status;
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  auto ledger = store_->Ledger(run.uid);
  ASSERT_THAT(*ledger, SizeIs(2));
  EXPECT_EQ((*ledger)[0].address, row.address);
  EXPECT_EQ((*ledger)[0].phase, v1::RunEvent::ResourceProgress::PHASE_COMPLETED);
  EXPECT_EQ((*ledger)[0].action, v1::ResourceChange::ACTION_CREATE);
  EXPECT_EQ((*ledger)[0].id_key, "id");
  EXPECT_EQ((*ledger)[0].id, "42");
  EXPECT_EQ((*ledger)[0].started, absl::FromUnixSeconds(5));
  EXPECT_EQ((*ledger)[1].phase, v1::RunEvent::ResourceProgress::PHASE_STARTED);
}

TEST_P(ConformanceTest, AStateSerialIsWrittenOnce) {
  const StackRow stack = AddStack("acme", "web");
  StateVersionRow version{.serial = 3, .record = {}, .sealed = std::string("s\0s", 3)};
  version.record.set_lineage("line");
  ASSERT_TRUE(store_->Transact([&](Transaction& t) { return t.InsertStateVersion(stack.uid, version); }).ok());
  EXPECT_TRUE(
      absl::IsAborted(store_->Transact([&](Transaction& t) { return t.InsertStateVersion(stack.uid, version); })));
  auto read = store_->GetStateVersion(stack.uid, 3);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->sealed, version.sealed);
  EXPECT_EQ(read->record.lineage(), "line");
}

TEST_P(ConformanceTest, ABlobOfTheLargestSizeComesBackAndALargerOneIsRefused) {
  const RunRow run = AddRun(AddStack("acme", "web"));
  std::string plan(size_t{64} << 20, 'p');
  plan[1000] = '\0';
  ASSERT_TRUE(store_->Transact([&](Transaction& t) { return t.PutBlob(run.uid, "plan", "small"); }).ok());
  const absl::Status put = store_->Transact([&](Transaction& t) { return t.PutBlob(run.uid, "plan", plan); });
  ASSERT_TRUE(put.ok()) << put;
  EXPECT_TRUE(*store_->GetBlob(run.uid, "plan") == plan);
  plan.push_back('x');
  EXPECT_TRUE(absl::IsResourceExhausted(
      store_->Transact([&](Transaction& t) { return t.PutBlob(run.uid, "plan-json", plan); })));
}

INSTANTIATE_TEST_SUITE_P(Backends, ConformanceTest, testing::EveryBackend(), testing::BackendName);

}  // namespace
}  // namespace stratus::provisioning::store
