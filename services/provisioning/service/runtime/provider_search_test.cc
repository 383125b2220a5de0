#include "services/provisioning/service/runtime/provider_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace stratus::provisioning::service {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::SizeIs;

// Answers as the test says, and keeps what it was asked.
class ScriptedFinder final : public engine::Finder {
 public:
  using Reply = absl::StatusOr<std::vector<engine::Found>>;
  explicit ScriptedFinder(std::function<Reply(const std::vector<engine::Lost>&)> reply) : reply_(std::move(reply)) {}

  bool Knows(std::string_view) const override { return true; }
  absl::Duration SettleTime(std::string_view) const override { return absl::ZeroDuration(); }
  Reply Find(const std::vector<engine::Lost>& lost, const Environment&, absl::Time) override {
    std::vector<std::string> addresses;
    for (const engine::Lost& one : lost) addresses.push_back(one.address);
    asked.push_back(addresses);
    return reply_(lost);
  }

  std::vector<std::vector<std::string>> asked;

 private:
  const std::function<Reply(const std::vector<engine::Lost>&)> reply_;
};

LostResource Lost(const std::string& address) {
  LostResource lost;
  lost.address = address;
  lost.type = "digitalocean_ssh_key";
  return lost;
}

PlannedResource Planned(const std::string& address) {
  PlannedResource planned;
  planned.address = address;
  planned.after_json = R"({"name":"n"})";
  return planned;
}

std::vector<engine::Found> FoundAll(const std::vector<engine::Lost>& lost) {
  std::vector<engine::Found> found;
  for (const engine::Lost& one : lost) found.push_back({one.address, {"id-of-" + one.address}});
  return found;
}

class ProviderSearchTest : public ::testing::Test {
 protected:
  ProviderSearch SearchOf(ScriptedFinder* finder, absl::Duration patience = absl::Minutes(10)) {
    return ProviderSearch(finder, &control_, [](std::string_view) { return std::string(); },
                          {.run_uid = "r", .patience = patience, .pause = absl::ZeroDuration()});
  }

  RunControl control_;
};

TEST_F(ProviderSearchTest, AsksForAllInOneQuestion) {
  ScriptedFinder finder(FoundAll);
  const auto answer = SearchOf(&finder).Ask({Lost("a"), Lost("b")}, {Planned("a"), Planned("b")});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(finder.asked, ElementsAre(ElementsAre("a", "b")));
  EXPECT_THAT(answer->found, SizeIs(2));
  EXPECT_THAT(answer->unanswered, IsEmpty());
}

TEST_F(ProviderSearchTest, AsksAgainWhatMayPass) {
  int asked = 0;
  ScriptedFinder finder([&](const auto& lost) -> ScriptedFinder::Reply {
    if (++asked == 1) return absl::UnavailableError("503");
    if (asked == 2) return absl::DeadlineExceededError("slow");
    return FoundAll(lost);
  });
  const auto answer = SearchOf(&finder).Ask({Lost("a")}, {Planned("a")});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(asked, 3);
  EXPECT_THAT(answer->found, SizeIs(1));
}

TEST_F(ProviderSearchTest, DoesNotAskAgainWhatStaysWrong) {
  for (const absl::StatusCode code :
       {absl::StatusCode::kFailedPrecondition, absl::StatusCode::kInvalidArgument, absl::StatusCode::kInternal,
        absl::StatusCode::kResourceExhausted, absl::StatusCode::kPermissionDenied}) {
    ScriptedFinder finder([&](const auto&) -> ScriptedFinder::Reply { return absl::Status(code, "no"); });
    const auto answer = SearchOf(&finder).Ask({Lost("a")}, {Planned("a")});
    ASSERT_TRUE(answer.ok());
    EXPECT_THAT(finder.asked, SizeIs(1)) << code;
    EXPECT_THAT(answer->unanswered, ElementsAre(::testing::Pair("a", "no")));
  }
}

TEST_F(ProviderSearchTest, OneWithoutAnAnswerDoesNotStandInTheWayOfTheOthers) {
  ScriptedFinder finder([](const std::vector<engine::Lost>& lost) -> ScriptedFinder::Reply {
    for (const engine::Lost& one : lost) {
      if (one.address == "b") return absl::FailedPreconditionError("nothing is known of b");
    }
    return FoundAll(lost);
  });
  const auto answer =
      SearchOf(&finder).Ask({Lost("a"), Lost("b"), Lost("c")}, {Planned("a"), Planned("b"), Planned("c")});
  ASSERT_TRUE(answer.ok());
  EXPECT_THAT(finder.asked,
              ElementsAre(ElementsAre("a", "b", "c"), ElementsAre("a"), ElementsAre("b"), ElementsAre("c")));
  EXPECT_THAT(answer->found, SizeIs(2));
  EXPECT_THAT(answer->unanswered, ElementsAre(Key("b")));
}

TEST_F(ProviderSearchTest, WhatThePlanDoesNotMakeIsNotLookedFor) {
  ScriptedFinder finder(FoundAll);
  const auto answer = SearchOf(&finder).Ask({Lost("a"), Lost("gone")}, {Planned("a")});
  ASSERT_TRUE(answer.ok());
  EXPECT_THAT(finder.asked, ElementsAre(ElementsAre("a")));
  EXPECT_THAT(answer->unanswered, ElementsAre(Key("gone")));

  ScriptedFinder unasked(FoundAll);
  EXPECT_THAT(SearchOf(&unasked).Ask({Lost("gone")}, {})->unanswered, SizeIs(1));
  EXPECT_THAT(unasked.asked, IsEmpty());
}

TEST_F(ProviderSearchTest, GivesUpOnAProviderThatNeverAnswers) {
  ScriptedFinder finder([](const auto&) -> ScriptedFinder::Reply { return absl::UnavailableError("503"); });
  const auto answer = SearchOf(&finder, absl::ZeroDuration()).Ask({Lost("a"), Lost("b")}, {Planned("a"), Planned("b")});
  ASSERT_TRUE(answer.ok());
  EXPECT_THAT(answer->unanswered, SizeIs(2));
}

TEST_F(ProviderSearchTest, StopsWithTheService) {
  ScriptedFinder finder([&](const auto&) -> ScriptedFinder::Reply {
    control_.Detach();
    return absl::UnavailableError("503");
  });
  EXPECT_TRUE(IsHalt(SearchOf(&finder).Ask({Lost("a")}, {Planned("a")}).status()));
}

}  // namespace
}  // namespace stratus::provisioning::service
