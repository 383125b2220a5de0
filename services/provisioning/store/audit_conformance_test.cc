// The audit log's chain: how it grows, how it is read, and that no change of it goes unseen.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/principals.h"
#include "services/provisioning/store/audit_line.h"
#include "services/provisioning/store/audit_verifier.h"
#include "services/provisioning/store/database_url.h"
#include "services/provisioning/store/testing/store_fixture.h"

namespace stratus::provisioning::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Lets somebody append between two statements of a reader: after its first look at the records.
class AppendingConnection final : public Connection {
 public:
  AppendingConnection(Connection* reader, std::function<void()> append)
      : reader_(*reader), append_(std::move(append)) {}
  bool appended() const { return append_ == nullptr; }

 private:
  Outcome DoExecute(std::string_view sql, Params params, RowFn on_row) override {
    const absl::StatusOr<int64_t> rows = reader_.Execute(sql, params, on_row);
    if (append_ != nullptr) std::exchange(append_, nullptr)();
    return rows.ok() ? Outcome{Failure::kNone, absl::OkStatus(), *rows} : Failed(rows.status());
  }
  Outcome DoBegin() override { return Failed(absl::UnimplementedError("it only reads")); }
  Outcome DoBeginSnapshot() override {
    const absl::Status begun = reader_.BeginSnapshot();
    return begun.ok() ? Outcome{} : Failed(begun);
  }
  Outcome DoCommit() override { return Failed(absl::UnimplementedError("it only reads")); }
  Outcome DoRollback() override {
    reader_.Rollback();
    return {};
  }
  Outcome DoLock(std::string_view) override { return Failed(absl::UnimplementedError("it only reads")); }
  Outcome DoNotify(const std::vector<std::string>&) override {
    return Failed(absl::UnimplementedError("it only reads"));
  }
  static Outcome Failed(absl::Status status) { return {Failure::kFinal, std::move(status), 0}; }

  Connection& reader_;
  std::function<void()> append_;
};

class AuditTest : public testing::StoreTest {
 protected:
  static v1::AuditEvent Event(const std::string& method, const std::string& resource = "stacks/first") {
    v1::AuditEvent event;
    *event.mutable_time() = domain::ToProto(absl::FromUnixSeconds(1'700'000'000));
    *event.mutable_principal() = domain::UserPrincipal("ann", "Ann \"<&\n", "https://issuer");
    event.set_method(method);
    event.set_resource(resource);
    event.set_code("OK");
    return event;
  }
  std::string Append(const std::string& tenant, const v1::AuditEvent& event) {
    std::string line;
    const absl::Status status = store_->Transact([&](Transaction& transaction) {
      auto added = transaction.AppendAudit(tenant, event);
      line = added.value_or("");
      return added.status();
    });
    EXPECT_TRUE(status.ok()) << status;
    return line;
  }
  std::vector<std::string> Methods(const std::string& filter) {
    auto listed = store_->ListAuditEvents({.tenant = "acme", .filter = filter, .page = {}});
    EXPECT_TRUE(listed.ok()) << listed.status();
    std::vector<std::string> methods;
    for (const v1::AuditEvent& event : listed.ok() ? listed->rows : std::vector<v1::AuditEvent>()) {
      methods.push_back(event.method());
    }
    return methods;
  }
  // As whoever has the database's password may do.
  void Sql(const std::string& statement) {
    auto database = OpenDatabase(url(), 1, absl::Seconds(10));
    ASSERT_TRUE(database.ok()) << database.status();
    auto changed = (*(*database)->Writer())->Execute(statement);
    ASSERT_TRUE(changed.ok() && *changed > 0) << changed.status() << " " << statement;
  }
  absl::Status Verify(int64_t* records = nullptr) {
    auto database = OpenDatabase(url(), 1, absl::Seconds(10));
    if (!database.ok()) return database.status();
    AuditVerifier verifier(/*from_start=*/true);
    const absl::Status status = VerifyStoredAudit(**(*database)->Reader(), &verifier);
    if (records != nullptr) *records = verifier.records();
    return status;
  }
};

TEST_P(AuditTest, EachTenantHasAChainOfItsOwnAndItsLinesTellTheWhole) {
  Append("acme", Event("CreateStack"));
  const std::string line = Append("acme", Event("DeleteStack"));
  Append("other", Event("LockStack"));
  const auto record = ReadAuditLine(line);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->tenant, "acme");
  EXPECT_EQ(record->event.sequence(), 2);
  EXPECT_EQ(record->event.name(), "auditEvents/2");
  EXPECT_EQ(record->event.principal().display_name(), "Ann \"<&\n");
  EXPECT_EQ(record->event.hash(), record->hash);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 0);
  EXPECT_THAT(Methods(""), ElementsAre("DeleteStack", "CreateStack"));
  int64_t records = 0;
  EXPECT_TRUE(Verify(&records).ok());
  EXPECT_EQ(records, 3);
}

TEST_P(AuditTest, WhatIsRolledBackLeavesNoGap) {
  Append("acme", Event("CreateStack"));
  EXPECT_FALSE(store_
                   ->Transact([&](Transaction& transaction) -> absl::Status {
                     EXPECT_TRUE(transaction.AppendAudit("acme", Event("DeleteStack")).ok());
                     return absl::AbortedError("no");
                   })
                   .ok());
  Append("acme", Event("LockStack"));
  EXPECT_THAT(Methods(""), ElementsAre("LockStack", "CreateStack"));
  EXPECT_TRUE(Verify().ok());
}

TEST_P(AuditTest, ChangesAtOnceGetAPlaceEach) {
  constexpr int kThreads = 4;
  constexpr int kEach = 10;
  const std::unique_ptr<Store> replica = OpenReplica("second");
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      Store& mine = i % 2 == 0 ? *store_ : *replica;
      for (int n = 0; n < kEach; ++n) {
        const absl::Status status = mine.Transact(
            [&](Transaction& transaction) { return transaction.AppendAudit("acme", Event("LockStack")).status(); });
        EXPECT_TRUE(status.ok()) << status;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  int64_t records = 0;
  const absl::Status whole = Verify(&records);
  EXPECT_TRUE(whole.ok()) << whole;
  EXPECT_EQ(records, kThreads * kEach);
}

// The service runs on: what it adds while the log is read is not of this look.
TEST_P(AuditTest, WhatIsAddedWhileItIsReadBreaksNothing) {
  Append("acme", Event("CreateStack"));
  auto database = OpenDatabase(url(), 1, absl::Seconds(10));
  ASSERT_TRUE(database.ok()) << database.status();
  auto reader = (*database)->Reader();
  ASSERT_TRUE(reader.ok()) << reader.status();
  AppendingConnection appending(&**reader, [&] {
    Append("acme", Event("LockStack"));
    Append("other", Event("CreateStack"));
  });
  AuditVerifier verifier(/*from_start=*/true);
  const absl::Status whole = VerifyStoredAudit(appending, &verifier);
  EXPECT_TRUE(whole.ok()) << whole;
  EXPECT_EQ(verifier.records(), 1);
  EXPECT_TRUE(appending.appended());
  int64_t records = 0;
  EXPECT_TRUE(Verify(&records).ok());
  EXPECT_EQ(records, 3);
}

TEST_P(AuditTest, IsListedInPagesAndByFilter) {
  for (int i = 0; i < 5; ++i) Append("acme", Event(absl::StrCat("M", i), absl::StrCat("stacks/s", i % 2)));
  auto page = store_->ListAuditEvents({.tenant = "acme", .filter = "", .page = {.size = 2, .token = ""}});
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->rows.at(1).method(), "M3");
  page = store_->ListAuditEvents({.tenant = "acme", .filter = "", .page = {.size = 4, .token = page->next_page_token}});
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->rows.size(), 3u);
  EXPECT_EQ(page->rows.at(0).method(), "M2");
  EXPECT_EQ(page->next_page_token, "");
  EXPECT_THAT(Methods("resource = \"stacks/s1\""), ElementsAre("M3", "M1"));
  EXPECT_THAT(Methods("principal = \"users/ann\" AND method = M4"), ElementsAre("M4"));
  EXPECT_THAT(Methods("principal = \"clients/ann\""), ElementsAre());
  EXPECT_THAT(Methods("time > \"2023-11-14T22:13:20Z\""), ElementsAre());
  EXPECT_THAT(Methods("time >= \"2023-11-14T22:13:20Z\" AND code != OK"), ElementsAre());
  const auto bad = store_->ListAuditEvents({.tenant = "acme", .filter = "line = x", .page = {}});
  EXPECT_EQ(bad.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_P(AuditTest, AnyChangeOfARowIsFound) {
  for (int i = 0; i < 4; ++i) Append("acme", Event(absl::StrCat("M", i)));
  ASSERT_TRUE(Verify().ok());
  struct Case {
    const char* change;
    const char* back;
    const char* named;
  };
  const std::vector<Case> cases = {
      {"UPDATE audit SET line = replace(line, 'users/ann', 'users/bob') WHERE sequence = 2",
       "UPDATE audit SET line = replace(line, 'users/bob', 'users/ann') WHERE sequence = 2", "record 2"},
      {"UPDATE audit SET principal = 'users/bob' WHERE sequence = 3",
       "UPDATE audit SET principal = 'users/ann' WHERE sequence = 3", "record 3"},
      {"UPDATE audit SET time = time + 1 WHERE sequence = 1", "UPDATE audit SET time = time - 1 WHERE sequence = 1",
       "record 1"},
      {"UPDATE audit_heads SET sequence = 3", "UPDATE audit_heads SET sequence = 4", "record 4"},
      {"UPDATE audit SET tenant = 'other' WHERE sequence = 4", "UPDATE audit SET tenant = 'acme' WHERE sequence = 4",
       "record 4"},
      {"DELETE FROM audit WHERE sequence = 4", nullptr, "record 4"},
  };
  for (const Case& one : cases) {
    Sql(one.change);
    const absl::Status broken = Verify();
    EXPECT_EQ(broken.code(), absl::StatusCode::kDataLoss) << one.change;
    EXPECT_THAT(std::string(broken.message()), HasSubstr(one.named)) << one.change;
    if (one.back == nullptr) break;
    Sql(one.back);
    EXPECT_TRUE(Verify().ok()) << one.back;
  }
  Sql("DELETE FROM audit WHERE sequence = 2");
  EXPECT_THAT(std::string(Verify().message()), HasSubstr("record 2"));
}

TEST_P(AuditTest, RowsOfBeforePoliciesAndPrincipalsAreRewritten) {
  const auto old = [](auto* message, int field, bool value) {
    message->GetReflection()->MutableUnknownFields(message)->AddVarint(field, value ? 1 : 0);
  };
  const StackRow let = AddStack("acme", "let", [&](StackRow* stack) {
    stack->record.clear_approval_policy();
    old(&stack->record, 8, true);
    stack->record.mutable_lock()->set_holder("dev");
  });
  AddStack("acme", "asked", [](StackRow* stack) { stack->record.clear_approval_policy(); });
  const RunRow run = AddRun(let);
  ASSERT_TRUE(ChangeRun(run.uid, [&](RunRow* row) {
                old(&row->record, 4, false);
                row->record.set_creator("system");
              }).ok());
  Sql("DELETE FROM schema_migrations WHERE version >= 2");
  auto database = OpenDatabase(url(), 1, absl::Seconds(10));
  for (const char* table : {"audit", "audit_heads", "credentials"}) {
    ASSERT_TRUE((*(*database)->Writer())->Execute(absl::StrCat("DROP TABLE ", table)).ok());
  }
  database->reset();
  const std::unique_ptr<Store> store = OpenReplica("newer");
  const auto stack = store->GetStack("acme", "let");
  ASSERT_TRUE(stack.ok()) << stack.status();
  EXPECT_EQ(stack->record.approval_policy(), v1::APPROVAL_POLICY_AUTO);
  EXPECT_EQ(stack->record.GetReflection()->GetUnknownFields(stack->record).field_count(), 0);
  EXPECT_EQ(stack->record.lock().held_by().name(), "legacy/dev");
  EXPECT_EQ(store->GetStack("acme", "asked")->record.approval_policy(), v1::APPROVAL_POLICY_MANUAL);
  const auto rewritten = store->GetRun(run.uid);
  ASSERT_TRUE(rewritten.ok()) << rewritten.status();
  EXPECT_EQ(rewritten->record.approval_policy(), v1::APPROVAL_POLICY_MANUAL);
  EXPECT_TRUE(domain::SamePrincipal(rewritten->record.created_by(), domain::SystemPrincipal()));
}

INSTANTIATE_TEST_SUITE_P(Backends, AuditTest, testing::EveryBackend(), testing::BackendName);

// Copies: what the store's own order does not help with.
std::vector<std::string> Chain(int length) {
  std::vector<std::string> lines;
  std::string previous(kFirstPrevious);
  for (int i = 1; i <= length; ++i) {
    v1::AuditEvent event;
    event.set_sequence(i);
    event.set_method(absl::StrCat("M", i));
    lines.push_back(MakeAuditLine("acme", previous, event));
    previous = ReadAuditLine(lines.back())->hash;
  }
  return lines;
}

absl::Status VerifyInOrder(const std::vector<std::string>& lines, const std::vector<int>& order) {
  AuditVerifier verifier(/*from_start=*/false);
  for (const int i : order) {
    absl::Status added = verifier.Add(lines[static_cast<size_t>(i)], absl::StrCat("file:", i));
    if (!added.ok()) return added;
  }
  return verifier.Finish();
}

TEST(AuditVerifier, TakesACopysLinesInAnyOrderAndFromWhereItBegins) {
  const std::vector<std::string> lines = Chain(6);
  EXPECT_TRUE(VerifyInOrder(lines, {0, 2, 1, 3, 5, 4}).ok());
  EXPECT_TRUE(VerifyInOrder(lines, {4, 3, 5}).ok()) << "the rest was rotated away";
  EXPECT_FALSE(VerifyInOrder(lines, {0, 1, 3}).ok());
  EXPECT_FALSE(VerifyInOrder(lines, {0, 1, 1}).ok());
}

TEST(AuditVerifier, FindsALineThatWasChangedCutOrMadeUp) {
  std::vector<std::string> lines = Chain(3);
  const std::string second = lines[1];
  lines[1].replace(lines[1].find("M2"), 2, "M9");
  EXPECT_THAT(std::string(VerifyInOrder(lines, {0, 1, 2}).message()), HasSubstr("file:1"));
  lines[1] = second.substr(0, second.size() - 1);
  EXPECT_THAT(std::string(VerifyInOrder(lines, {0, 1, 2}).message()), HasSubstr("file:1"));
  v1::AuditEvent event;
  event.set_sequence(2);
  lines[1] = MakeAuditLine("acme", ReadAuditLine(lines[0])->hash, event);
  EXPECT_THAT(std::string(VerifyInOrder(lines, {0, 1, 2}).message()), HasSubstr("record 3"));
  EXPECT_FALSE(ReadAuditLine("").ok());
  EXPECT_FALSE(ReadAuditLine("{}").ok());
}

}  // namespace
}  // namespace stratus::provisioning::store
