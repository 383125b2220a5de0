// Notifications on each database.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/provisioning/store/store.h"
#include "services/provisioning/store/testing/heard_topics.h"
#include "services/provisioning/store/testing/store_fixture.h"

namespace stratus::provisioning::store {
namespace {

using testing::HeardTopics;

class SubscriptionTest : public testing::StoreTest {
 protected:
  static absl::Status Notify(Store& store, const std::vector<std::string>& topics,
                             absl::Status status = absl::OkStatus()) {
    return store.Transact([&](Transaction& t) {
      for (const std::string& topic : topics) t.Notify(topic);
      return status;
    });
  }
};

TEST_P(SubscriptionTest, ACommitIsHeardAndARollbackIsNot) {
  HeardTopics heard(store_.get());
  EXPECT_TRUE(absl::IsCancelled(Notify(*store_, {"run:lost"}, absl::CancelledError())));
  ASSERT_TRUE(Notify(*store_, {"run:a", "queue", "run:a"}).ok());
  ASSERT_TRUE(Notify(*store_, {"last"}).ok());
  for (const std::string_view topic : {std::string_view("run:a"), kTopicQueue, std::string_view("last")}) {
    heard.WaitFor(topic);  // in whatever order: topics are hints
  }
  EXPECT_EQ(heard.Count("run:a"), 1u) << "once a transaction";
  EXPECT_EQ(heard.Count(kTopicQueue), 1u);
  EXPECT_EQ(heard.Count("run:lost"), 0u);
}

TEST_P(SubscriptionTest, EverySubscriberHears) {
  HeardTopics first(store_.get()), second(store_.get());
  ASSERT_TRUE(Notify(*store_, {"queue"}).ok());
  first.WaitFor("queue");
  second.WaitFor("queue");
}

TEST_P(SubscriptionTest, NothingIsHeardOnceTheSubscriptionIsGone) {
  HeardTopics stays(store_.get());
  size_t calls = 0;
  auto leaves = store_->Subscribe([&](std::string_view) { ++calls; });
  leaves.reset();
  ASSERT_TRUE(Notify(*store_, {"queue"}).ok());
  stays.WaitFor("queue");
  EXPECT_EQ(calls, 0u);
}

TEST_P(SubscriptionTest, ASubscriptionMayOutliveItsStore) {
  auto other = OpenReplica("replica-2");
  auto subscription = other->Subscribe([](std::string_view) {});
  other.reset();
  subscription.reset();
}

TEST_P(SubscriptionTest, ReplicasHearEachOther) {
  if (!postgres()) GTEST_SKIP() << "SQLite is for one replica";
  const auto other = OpenReplica("replica-2");
  HeardTopics here(store_.get()), there(other.get());
  ASSERT_TRUE(Notify(*store_, {"run:a"}).ok());
  ASSERT_TRUE(Notify(*other, {"run:b"}).ok());
  for (HeardTopics* heard : {&here, &there}) {
    heard->WaitFor("run:a");
    heard->WaitFor("run:b");
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, SubscriptionTest, testing::EveryBackend(), testing::BackendName);

}  // namespace
}  // namespace stratus::provisioning::store
