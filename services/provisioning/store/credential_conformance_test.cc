// What a Store promises of credentials, on each database.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/provisioning/store/store.h"
#include "services/provisioning/store/testing/store_fixture.h"

namespace stratus::provisioning::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CredentialConformanceTest : public testing::StoreTest {
 protected:
  CredentialRow Put(const std::string& tenant, const std::string& stack_id, const std::string& provider,
                    absl::Time former_until = absl::Now() + absl::Hours(1)) {
    CredentialRow row{.uid = absl::StrCat("version", ++made_),
                      .tenant = tenant,
                      .stack_id = stack_id,
                      .provider = provider,
                      .record = {},
                      .sealed = std::string("\0sealed\xff", 8) + std::to_string(made_)};
    row.record.set_provider("acme/" + provider);
    row.record.add_variable_names("TOKEN");
    const absl::Status put = store_->Transact([&](Transaction& t) { return t.PutCredential(row, former_until); });
    EXPECT_TRUE(put.ok()) << put;
    return row;
  }
  std::vector<std::string> UidsOf(const std::string& tenant, const std::string& stack_id) {
    const auto rows = store_->Credentials(tenant, stack_id);
    EXPECT_TRUE(rows.ok()) << rows.status();
    std::vector<std::string> uids;
    for (const CredentialRow& row : *rows) uids.push_back(row.uid);
    return uids;
  }

  int made_ = 0;
};

TEST_P(CredentialConformanceTest, GivesBackTheTenantsAndThenTheStacks) {
  const CredentialRow mine = Put("acme", "", "rockets");
  Put("acme", "", "anvils");
  Put("acme", "web", "rockets");
  Put("acme", "db", "rockets");
  Put("globex", "", "rockets");
  EXPECT_THAT(UidsOf("acme", "web"), ElementsAre("version2", "version1", "version3"));
  EXPECT_THAT(UidsOf("acme", ""), ElementsAre("version2", "version1"));
  EXPECT_THAT(UidsOf("globex", "web"), ElementsAre("version5"));
  EXPECT_THAT(UidsOf("initech", ""), IsEmpty());
  const absl::Status counted = store_->Transact([](Transaction& t) {
    EXPECT_EQ(*t.CountCredentials("acme"), 4);
    EXPECT_EQ(*t.CountCredentials("initech"), 0);
    return absl::OkStatus();
  });
  EXPECT_TRUE(counted.ok()) << counted;
  const auto read = store_->GetCredential(mine.uid);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->tenant, "acme");
  EXPECT_EQ(read->stack_id, "");
  EXPECT_EQ(read->provider, "rockets");
  EXPECT_EQ(read->sealed, mine.sealed);
  EXPECT_EQ(read->record.SerializeAsString(), mine.record.SerializeAsString());
  const absl::Status within = store_->Transact([&](Transaction& t) {
    const auto rows = t.Credentials("acme", "web");
    EXPECT_THAT(*rows, SizeIs(3));
    return rows.status();
  });
  EXPECT_TRUE(within.ok()) << within;
}

TEST_P(CredentialConformanceTest, AFormerVersionCanBeReadUntilItsTime) {
  const absl::Time now = absl::Now();
  const CredentialRow first = Put("acme", "", "rockets");
  const CredentialRow second = Put("acme", "", "rockets", now + absl::Hours(1));
  EXPECT_THAT(UidsOf("acme", ""), ElementsAre(second.uid));
  ASSERT_TRUE(store_->Sweep(now, now).ok());
  EXPECT_TRUE(store_->GetCredential(first.uid).ok());
  const auto swept = store_->Sweep(now + absl::Hours(2), now);
  ASSERT_TRUE(swept.ok()) << swept.status();
  EXPECT_EQ(*swept, 1);
  EXPECT_TRUE(absl::IsNotFound(store_->GetCredential(first.uid).status()));
  EXPECT_TRUE(store_->GetCredential(second.uid).ok());
}

TEST_P(CredentialConformanceTest, KeepsFewFormerVersions) {
  const absl::Time now = absl::Now();
  for (int i = 1; i <= 12; ++i) Put("acme", "", "rockets", now + absl::Minutes(i));
  Put("acme", "web", "rockets");
  int kept = 0;
  for (int i = 1; i <= 12; ++i) kept += store_->GetCredential(absl::StrCat("version", i)).ok() ? 1 : 0;
  EXPECT_EQ(kept, 9);
  EXPECT_TRUE(absl::IsNotFound(store_->GetCredential("version3").status())) << "the oldest go first";
  EXPECT_TRUE(store_->GetCredential("version4").ok());
}

TEST_P(CredentialConformanceTest, DeletionLeavesNoVersion) {
  const CredentialRow first = Put("acme", "", "rockets");
  Put("acme", "", "rockets");
  const CredentialRow other = Put("acme", "web", "rockets");
  const auto remove = [&](const std::string& stack) {
    return store_->Transact([&](Transaction& t) { return t.DeleteCredential("acme", stack, "rockets"); });
  };
  EXPECT_TRUE(remove("").ok());
  EXPECT_TRUE(absl::IsNotFound(store_->GetCredential(first.uid).status()));
  EXPECT_THAT(UidsOf("acme", "web"), ElementsAre(other.uid));
  EXPECT_TRUE(absl::IsNotFound(remove("")));
}

TEST_P(CredentialConformanceTest, AStackTakesItsCredentialsWithIt) {
  const StackRow stack = AddStack("acme", "web");
  Put("acme", "web", "rockets");
  Put("acme", "web", "rockets");
  Put("acme", "", "rockets");
  Put("acme", "db", "rockets");
  Put("globex", "web", "rockets");
  ASSERT_TRUE(store_->Transact([&](Transaction& t) { return t.DeleteStack(stack.uid); }).ok());
  EXPECT_THAT(UidsOf("acme", "web"), ElementsAre("version3"));
  EXPECT_TRUE(absl::IsNotFound(store_->GetCredential("version1").status()));
  EXPECT_THAT(UidsOf("acme", "db"), ElementsAre("version3", "version4"));
  EXPECT_THAT(UidsOf("globex", "web"), ElementsAre("version5"));
}

INSTANTIATE_TEST_SUITE_P(Backends, CredentialConformanceTest, testing::EveryBackend(), testing::BackendName);

}  // namespace
}  // namespace stratus::provisioning::store
