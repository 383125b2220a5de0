// How long things are kept, on each database: tombstones, request ids, details of runs; and what is due.
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
using RetentionTest = testing::StoreTest;

LedgerRow MakeLedger(const std::string& address) {
  LedgerRow row;
  row.address = address;
  return row;
}

TEST_P(RetentionTest, DeletingAStackLeavesItsRunsAsTombstones) {
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

TEST_P(RetentionTest, ARequestIdIsRememberedUntilItExpires) {
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

TEST_P(RetentionTest, OfCallsWithOneRequestIdAtOnceOneIsDone) {
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

TEST_P(RetentionTest, TwoCallsCannotBothTakeTheLastPlaceOfAQuota) {
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

TEST_P(RetentionTest, SweepDropsTheDetailsOfOldRunsAlone) {
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

TEST_P(RetentionTest, DueStacksAreThoseThatExpireOrMustBeChecked) {
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

INSTANTIATE_TEST_SUITE_P(Backends, RetentionTest, testing::EveryBackend(), testing::BackendName);

}  // namespace
}  // namespace stratus::provisioning::store
