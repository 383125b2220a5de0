// What a Store promises, on each database: rows, transactions, idempotency, retention.
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

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ConformanceTest = testing::StoreTest;

LedgerRow MakeLedger(const std::string& address) {
  LedgerRow row;
  row.address = address;
  return row;
}

TEST_P(ConformanceTest, GivesBackAStackAsItWasPut) {
  StackRow stack = MakeStack("acme", "web");
  stack.record.set_auto_approve(true);
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

TEST_P(ConformanceTest, DeletingAStackLeavesItsRunsAsTombstones) {
  const StackRow stack = AddStack("acme", "web", [](StackRow* row) { (*row->record.mutable_labels())["a"] = "b"; });
  RunRow run = AddRun(stack);
  const StateVersionRow version{.serial = 1, .record = {}, .sealed = "s"};
  ASSERT_TRUE(store_
                  ->Transact([&](Transaction& t) {
                    EXPECT_TRUE(t.AppendEvents(&run, {MakeEvent("a")}).ok());
                    EXPECT_TRUE(t.PutBlob(run.uid, "plan", "p").ok());
                    EXPECT_TRUE(t.InsertStateVersion(stack.uid, version).ok());
                    EXPECT_TRUE(t.PutLedger(run.uid, MakeLedger("a.b")).ok());
                    run.record.set_status(v1::RUN_STATUS_APPLIED);
                    EXPECT_TRUE(t.PutRun(&run).ok());
                    return t.DeleteStack(stack.uid);
                  })
                  .ok());
  EXPECT_TRUE(absl::IsNotFound(store_->GetStack("acme", "web").status()));
  auto tombstone = store_->GetRun(run.uid);
  ASSERT_TRUE(tombstone.ok()) << tombstone.status();
  EXPECT_EQ(tombstone->record.status(), v1::RUN_STATUS_APPLIED);
  EXPECT_EQ(tombstone->tenant, "acme");
  EXPECT_EQ(tombstone->stack_id, "web");
  EXPECT_THAT(*store_->Events(run.uid, 0, 10), IsEmpty());
  EXPECT_THAT(*store_->Ledger(run.uid), IsEmpty());
  EXPECT_TRUE(absl::IsNotFound(store_->GetBlob(run.uid, "plan").status()));
  EXPECT_TRUE(absl::IsNotFound(store_->GetStateVersion(stack.uid, 1).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->Transact([&](Transaction& t) { return t.GetRun(run.uid).status(); })));
  EXPECT_EQ(store_->Use("acme")->stacks, 0);
  AddStack("acme", "web");  // the name is free again
  EXPECT_EQ(store_->Use("acme")->stacks, 1);

  // 24 hours, not less.
  EXPECT_EQ(*store_->Sweep(absl::Now() + absl::Hours(23), absl::InfinitePast()), 0);
  EXPECT_TRUE(store_->GetRun(run.uid).ok());
  EXPECT_EQ(*store_->Sweep(absl::Now() + absl::Hours(25), absl::InfinitePast()), 1);
  EXPECT_TRUE(absl::IsNotFound(store_->GetRun(run.uid).status()));
}

TEST_P(ConformanceTest, ARequestIdIsRememberedUntilItExpires) {
  const IdempotencyRow row{.tenant = "acme",
                           .method = "CreateStack",
                           .request_id = "id-1",
                           .payload_hash = std::string("\0h", 2),
                           .reply = "reply",
                           .expires = absl::Now() + absl::Hours(24)};
  const auto get = [&](std::string_view tenant, std::string_view method) {
    std::optional<IdempotencyRow> found;
    EXPECT_TRUE(store_
                    ->Transact([&](Transaction& t) {
                      auto read = t.GetIdempotency(tenant, method, "id-1");
                      if (read.ok()) found = *read;
                      return read.status();
                    })
                    .ok());
    return found;
  };
  EXPECT_FALSE(get("acme", "CreateStack").has_value());
  ASSERT_TRUE(store_->Transact([&](Transaction& t) { return t.PutIdempotency(row); }).ok());
  EXPECT_FALSE(get("globex", "CreateStack").has_value());
  EXPECT_FALSE(get("acme", "DeleteStack").has_value());
  const auto found = get("acme", "CreateStack");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->payload_hash, row.payload_hash);
  EXPECT_EQ(found->reply, "reply");
  // One that lives is never replaced, one that has expired is as if it were not there.
  EXPECT_TRUE(absl::IsAborted(store_->Transact([&](Transaction& t) { return t.PutIdempotency(row); })));
  IdempotencyRow old = row;
  old.method = "UpdateStack";
  old.expires = absl::Now() - absl::Seconds(1);
  ASSERT_TRUE(store_->Transact([&](Transaction& t) { return t.PutIdempotency(old); }).ok());
  EXPECT_FALSE(get("acme", "UpdateStack").has_value());
  EXPECT_TRUE(store_->Transact([&](Transaction& t) { return t.PutIdempotency(old); }).ok());
  EXPECT_EQ(*store_->Sweep(absl::Now(), absl::InfinitePast()), 1);
}

TEST_P(ConformanceTest, OfCallsWithOneRequestIdAtOnceOneIsDone) {
  const auto other = OpenReplica("replica-2");
  std::atomic<int> done = 0, repeated = 0, failed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      bool seen = false;
      const StackRow stack = [&] {
        StackRow made;
        made.uid = absl::StrCat("stack-", i);
        made.tenant = "acme";
        made.id = "web";
        return made;
      }();
      const absl::Status status = (i % 2 == 0 ? *store_ : *other).Transact([&](Transaction& t) {
        auto found = t.GetIdempotency("acme", "CreateStack", "id-1");
        if (!found.ok()) return found.status();
        seen = found->has_value();
        if (seen) return absl::OkStatus();
        const absl::Status inserted = t.InsertStack(stack);
        if (!inserted.ok()) return inserted;
        return t.PutIdempotency({.tenant = "acme",
                                 .method = "CreateStack",
                                 .request_id = "id-1",
                                 .payload_hash = "h",
                                 .reply = stack.uid,
                                 .expires = absl::Now() + absl::Hours(1)});
      });
      ++(!status.ok() ? failed : seen ? repeated : done);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(done, 1);
  EXPECT_EQ(repeated, 7);
  EXPECT_EQ(failed, 0);
}

TEST_P(ConformanceTest, TwoCallsCannotBothTakeTheLastPlaceOfAQuota) {
  const auto other = OpenReplica("replica-2");
  constexpr int kMax = 3;
  std::atomic<int> refused = 0, failed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const absl::Status status = (i % 2 == 0 ? *store_ : *other).Transact([&](Transaction& t) {
        auto use = t.Use("acme");
        if (!use.ok()) return use.status();
        if (use->stacks >= kMax) return absl::ResourceExhaustedError("quota");
        StackRow stack;
        stack.uid = stack.id = absl::StrCat("stack-", i);
        stack.tenant = "acme";
        return t.InsertStack(stack);
      });
      if (absl::IsResourceExhausted(status))
        ++refused;
      else if (!status.ok())
        ++failed;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused, 8 - kMax);
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(store_->Use("acme")->stacks, kMax);
}

TEST_P(ConformanceTest, SweepDropsTheDetailsOfOldRunsAlone) {
  RunRow old = AddRun(AddStack("acme", "old")), open = AddRun(AddStack("acme", "open"));
  for (RunRow* run : {&old, &open}) {
    ASSERT_TRUE(store_
                    ->Transact([&](Transaction& t) {
                      EXPECT_TRUE(t.PutLedger(run->uid, MakeLedger("a.b")).ok());
                      return t.AppendEvents(run, std::vector<v1::RunEvent>(2500, MakeEvent("x")));
                    })
                    .ok());
  }
  EndRun(old.uid);
  EXPECT_EQ(*store_->Sweep(absl::Now(), absl::FromUnixSeconds(1'700'000'000)), 0);  // it ended after that
  EXPECT_THAT(*store_->Events(old.uid, 0, 5000), SizeIs(2500));
  // In bounded batches until nothing is left to do.
  int64_t gone = 0;
  int calls = 0;
  for (int64_t rows = 1; rows > 0; ++calls) gone += rows = *store_->Sweep(absl::Now(), absl::Now());
  EXPECT_EQ(gone, 2501);
  EXPECT_GT(calls, 2);
  EXPECT_THAT(*store_->Events(old.uid, 0, 5000), IsEmpty());
  EXPECT_THAT(*store_->Ledger(old.uid), IsEmpty());
  EXPECT_EQ(store_->GetRun(old.uid)->record.last_sequence(), 2500);
  EXPECT_THAT(*store_->Events(open.uid, 0, 5000), SizeIs(2500));
}

TEST_P(ConformanceTest, DueStacksAreThoseThatExpireOrMustBeChecked) {
  const absl::Time now = absl::FromUnixSeconds(2'000'000'000);
  AddStack("acme", "never");
  AddStack("acme", "expired", [&](StackRow* row) { row->expire_time = now - absl::Seconds(2); });
  AddStack("acme", "drift", [&](StackRow* row) { row->next_drift_check = now; });
  AddStack("acme", "both", [&](StackRow* row) {
    row->expire_time = now - absl::Seconds(1);
    row->next_drift_check = now - absl::Seconds(3);
  });
  AddStack("acme", "later", [&](StackRow* row) { row->expire_time = now + absl::Seconds(1); });
  auto due = store_->DueStacks(now, 10);
  std::vector<std::string> ids;
  for (const StackRow& stack : *due) ids.push_back(stack.id);
  EXPECT_THAT(ids, ElementsAre("both", "expired", "drift"));
  EXPECT_THAT(*store_->DueStacks(now, 2), SizeIs(2));
}

INSTANTIATE_TEST_SUITE_P(Backends, ConformanceTest, testing::EveryBackend(), testing::BackendName);

}  // namespace
}  // namespace stratus::provisioning::store
