#include "services/provisioning/store/notifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "services/provisioning/store/store.h"

namespace stratus::provisioning::store {
namespace {

// A subscriber that keeps the notifier busy until it is told to go on.
TEST(Notifier, TopicsThatWaitAreDeliveredOnceEach) {
  Notifier notifier;
  std::promise<void> busy, go_on, done;
  std::multiset<std::string> heard;
  auto subscription = notifier.Subscribe([&](std::string_view topic) {
    heard.emplace(topic);
    if (topic == "first") {
      busy.set_value();
      go_on.get_future().wait();
    }
    if (topic == "z-last") done.set_value();
  });
  notifier.Publish("first");
  busy.get_future().wait();
  for (int i = 0; i < 100; ++i) notifier.Publish("queue");
  notifier.Publish("z-last");
  go_on.set_value();
  done.get_future().wait();
  EXPECT_THAT(heard, ::testing::ElementsAre("first", "queue", "z-last"));
}

TEST(Notifier, TooManyTopicsBecomeALookAtEverything) {
  Notifier notifier;
  std::promise<void> busy, go_on, done;
  std::multiset<std::string> heard;
  auto subscription = notifier.Subscribe([&](std::string_view topic) {
    heard.emplace(topic);
    if (topic == "first") {
      busy.set_value();
      go_on.get_future().wait();
    }
    if (topic == "z-last") done.set_value();
  });
  notifier.Publish("first");
  busy.get_future().wait();
  for (int i = 0; i < 5000; ++i) notifier.Publish(absl::StrCat("run:", i));
  notifier.Publish("z-last");
  go_on.set_value();
  done.get_future().wait();
  EXPECT_EQ(heard.count(std::string(kTopicAll)), 1u);
  EXPECT_LE(heard.size(), 4099u);
}

}  // namespace
}  // namespace stratus::provisioning::store
