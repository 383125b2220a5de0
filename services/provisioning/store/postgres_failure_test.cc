// PostgreSQL that freezes, crashes and cuts connections.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/provisioning/store/store.h"
#include "services/provisioning/store/testing/heard_topics.h"
#include "services/provisioning/store/testing/postgres_server.h"

namespace stratus::provisioning::store {
namespace {

using testing::HeardTopics;
using testing::PostgresServer;

class PostgresFailureTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresServer::Installed()) GTEST_SKIP() << "no PostgreSQL is installed";
    server_ = std::make_unique<PostgresServer>();
    auto store = Store::Open({.database_url = server_->NewDatabase(),
                              .replica = "replica-1",
                              .connections = 4,
                              .busy_timeout = absl::Seconds(1)});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    ASSERT_TRUE(Insert("web").ok());
  }
  ~PostgresFailureTest() override { store_.reset(); }

  absl::Status Insert(const std::string& id) {
    return store_->Transact([&](Transaction& t) { return t.InsertStack(Stack(id)); });
  }
  static StackRow Stack(const std::string& id) {
    StackRow stack;
    stack.uid = stack.id = id;
    stack.tenant = "acme";
    return stack;
  }

  std::unique_ptr<PostgresServer> server_;
  std::unique_ptr<Store> store_;
};

TEST_F(PostgresFailureTest, AFrozenServerIsUnavailableAndThenServesAgain) {
  server_->Freeze();
  EXPECT_TRUE(absl::IsUnavailable(store_->GetStack("acme", "web").status()));
  EXPECT_TRUE(absl::IsUnavailable(Insert("lost")));
  EXPECT_TRUE(absl::IsUnavailable(store_->Ping()));
  EXPECT_TRUE(absl::IsUnavailable(store_->ClaimRun({}, absl::Minutes(1)).status()));
  server_->Thaw();
  EXPECT_TRUE(store_->GetStack("acme", "web").ok());
  EXPECT_TRUE(absl::IsNotFound(store_->GetStack("acme", "lost").status())) << "UNAVAILABLE: nothing was changed";
  EXPECT_TRUE(Insert("again").ok());
}

TEST_F(PostgresFailureTest, ACrashedServerIsUnavailableAndLosesNothing) {
  HeardTopics heard(store_.get());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Insert("s" + std::to_string(i)).ok());
  server_->Stop();
  EXPECT_TRUE(absl::IsUnavailable(store_->GetStack("acme", "web").status()));
  EXPECT_TRUE(absl::IsUnavailable(Insert("lost")));
  EXPECT_TRUE(absl::IsUnavailable(store_->Ping()));
  server_->Start();
  EXPECT_TRUE(store_->Ping().ok());
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(store_->GetStack("acme", "s" + std::to_string(i)).ok()) << i;
  EXPECT_TRUE(Insert("again").ok());
  // Whatever was notified meanwhile may have been missed.
  heard.WaitFor(kTopicAll);
  ASSERT_TRUE(store_
                  ->Transact([](Transaction& t) {
                    t.Notify("after");
                    return absl::OkStatus();
                  })
                  .ok());
  heard.WaitFor("after");
}

TEST_F(PostgresFailureTest, IdleConnectionsThatWereCutAreReplacedUnseen) {
  for (int round = 0; round < 3; ++round) {
    server_->Disconnect();
    EXPECT_TRUE(store_->GetStack("acme", "web").ok());
    server_->Disconnect();
    EXPECT_TRUE(Insert("s" + std::to_string(round)).ok());
  }
}

TEST_F(PostgresFailureTest, ATransactionCutBeforeItsCommitIsRunAgain) {
  int attempts = 0;
  const absl::Status status = store_->Transact([&](Transaction& t) {
    const absl::Status inserted = t.InsertStack(Stack("once"));
    if (++attempts == 1) server_->Disconnect();
    if (!inserted.ok()) return inserted;
    return t.GetStackByUid("web").status();
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(attempts, 2);
  EXPECT_TRUE(store_->GetStack("acme", "once").ok());
}

TEST_F(PostgresFailureTest, ACommitThatGetsNoAnswerIsUnknownAndNotRunAgain) {
  int attempts = 0;
  const absl::Status status = store_->Transact([&](Transaction& t) {
    ++attempts;
    const absl::Status inserted = t.InsertStack(Stack("perhaps"));
    server_->Freeze();
    return inserted;
  });
  server_->Thaw();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnknown) << status;
  EXPECT_EQ(attempts, 1);
  EXPECT_TRUE(store_->Ping().ok());
}

TEST_F(PostgresFailureTest, ALockThatIsHeldTooLongIsUnavailable) {
  absl::Status second;
  const absl::Status first = store_->Transact([&](Transaction& t) {
    const absl::Status read = t.GetStackByUid("web").status();
    second = store_->Transact([](Transaction& other) { return other.GetStackByUid("web").status(); });
    return read;
  });
  EXPECT_TRUE(first.ok()) << first;
  EXPECT_TRUE(absl::IsUnavailable(second)) << second;
}

TEST_F(PostgresFailureTest, MoreCallersThanConnectionsWaitOrAreTold) {
  // Each level holds a connection: the fifth finds none, and is told so in time.
  std::function<absl::Status(int)> nested = [&](int level) {
    return store_->Transact([&](Transaction& t) {
      const absl::Status use = t.Use("tenant-" + std::to_string(level)).status();
      return level == 4 || !use.ok() ? use : nested(level + 1);
    });
  };
  const absl::Status status = nested(0);
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_TRUE(store_->Ping().ok());
}

}  // namespace
}  // namespace stratus::provisioning::store
