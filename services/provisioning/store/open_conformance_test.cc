// Opening a store and bringing its tables up to date, on each database.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/match.h"
#include "services/provisioning/store/database_url.h"
#include "services/provisioning/store/migrations.h"
#include "services/provisioning/store/testing/store_fixture.h"

namespace stratus::provisioning::store {
namespace {

using ::testing::HasSubstr;

class OpenTest : public testing::StoreTest {
 protected:
  std::unique_ptr<Database> Raw() { return *OpenDatabase(url(), 2, absl::Seconds(10)); }
};

TEST_P(OpenTest, OpensWhatIsThereAndKeepsIt) {
  AddStack("acme", "web");
  store_.reset();
  store_ = OpenReplica("replica-1");
  EXPECT_TRUE(store_->GetStack("acme", "web").ok());
  EXPECT_TRUE(store_->Ping().ok());
}

TEST_P(OpenTest, ReplicasMayStartTogether) {
  {
    const auto database = Raw();
    auto writer = database->Writer();
    for (const char* table : {"audit", "audit_heads", "labels", "events", "ledger", "blobs", "state_versions", "runs",
                              "stacks", "tombstones", "idempotency", "tenants", "credentials", "schema_migrations"}) {
      ASSERT_TRUE((*writer)->Execute(std::string("DROP TABLE ") + table).ok());
    }
  }
  store_.reset();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([this, i] { OpenReplica("replica-" + std::to_string(i)); });
  for (std::thread& thread : threads) thread.join();
  store_ = OpenReplica("replica-1");
  AddStack("acme", "web");
}

TEST_P(OpenTest, TablesOfANewerProgramAreRefused) {
  const auto database = Raw();
  ASSERT_TRUE((*database->Writer())->Execute("INSERT INTO schema_migrations (version, applied) VALUES (99, 0)").ok());
  const absl::Status status = Store::Open({.database_url = url(), .replica = "old"}).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("version 99"));
}

TEST_P(OpenTest, AMigrationThatFailsLeavesNothing) {
  const auto database = Raw();
  auto writer = database->Writer();
  std::vector<Migration> migrations = Migrations();
  migrations.push_back({100, {"CREATE TABLE added (a BIGINT)"}});
  migrations.push_back({101, {"CREATE TABLE broken (", "SELECT 1"}});
  EXPECT_FALSE(Migrate(**writer, migrations).ok());
  migrations.pop_back();
  ASSERT_TRUE(Migrate(**writer, migrations).ok()) << "the table of step 100 was rolled back as well";
  ASSERT_TRUE(Migrate(**writer, migrations).ok()) << "and is not made twice";
  EXPECT_TRUE((*writer)->Execute("INSERT INTO added (a) VALUES ($1)", {1}).ok());
}

TEST_P(OpenTest, StatementsAreForgottenBeforeThereAreTooMany) {
  const auto database = Raw();
  auto connection = database->Reader();
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 300; ++i) {
      int64_t got = -1;
      const auto rows = (*connection)->Execute("SELECT $1 + " + std::to_string(i), {i}, [&](const Row& row) {
        got = row.Int(0);
        return absl::OkStatus();
      });
      ASSERT_TRUE(rows.ok()) << rows.status();
      ASSERT_EQ(got, 2 * i);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, OpenTest, testing::EveryBackend(), testing::BackendName);

TEST(StoreOpen, RefusesWhatItDoesNotKnowWithoutRepeatingThePassword) {
  for (const char* url : {"", "mysql://u:hunter2@db/x", "sqlite:", "postgresql://u:hunter2%ZZ@db/x",
                          "postgresql://u:hunter2@db/x?nonsense=1"}) {
    const absl::Status status = Store::Open({.database_url = url, .replica = "r"}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << url << status;
    EXPECT_FALSE(absl::StrContains(status.message(), "hunter2")) << status;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(Store::Open({.database_url = "sqlite:/tmp/x", .replica = ""}).status()));
  // Port 1 answers nobody.
  const absl::Status status =
      Store::Open({.database_url = "postgresql://u:hunter2@127.0.0.1:1/x", .replica = "r"}).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("postgresql://127.0.0.1:1/x"));
  EXPECT_FALSE(absl::StrContains(status.message(), "hunter2")) << status;
}

}  // namespace
}  // namespace stratus::provisioning::store
