#include "lib/telemetry/sampling_poller.h"

#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/http_server/http_server.h"
#include "lib/telemetry/testing/span_collector.h"

namespace stratus::telemetry {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kNothingIsSampled[] = R"({"SamplingRuleRecords": [{"SamplingRule": {"RuleName": "Default",
  "ResourceARN": "*", "Priority": 10000, "FixedRate": 0, "ReservoirSize": 0, "ServiceName": "*", "ServiceType": "*",
  "Host": "*", "HTTPMethod": "*", "URLPath": "*", "Version": 1}}]})";
constexpr char kNoTargets[] = R"({"SamplingTargetDocuments": [], "LastRuleModification": 0})";

class SamplingScheduleTest : public ::testing::Test {
 protected:
  std::vector<std::string> Turn() {
    std::vector<std::string> asked;
    wait_ = schedule_.Turn([&](const std::string& path, const std::string&) -> absl::StatusOr<std::string> {
      asked.push_back(path);
      return path == "/GetSamplingRules" ? rules_answer_ : targets_answer_;
    });
    return asked;
  }

  core::ManualClock clock_;
  FixedSampler always_{true};
  CentralRules rules_{&always_, &clock_};
  SamplingSchedule schedule_{&rules_, "0123456789abcdef01234567", &clock_, [] { return 0.5; }};
  absl::StatusOr<std::string> rules_answer_ = std::string(kNothingIsSampled);
  absl::StatusOr<std::string> targets_answer_ = std::string(kNoTargets);
  absl::Duration wait_;
};

TEST_F(SamplingScheduleTest, AsksForRulesAtOnceThenEvery300SecondsWithJitter) {
  EXPECT_THAT(Turn(), ElementsAre("/GetSamplingRules"));
  EXPECT_FALSE(rules_.Sample({}));
  clock_.Advance(absl::Seconds(314));
  EXPECT_THAT(Turn(), ElementsAre("/SamplingTargets"));
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(Turn(), ElementsAre("/GetSamplingRules"));
}

TEST_F(SamplingScheduleTest, ReportsEvery10SecondsWhereThereIsSomethingToReport) {
  Turn();
  EXPECT_EQ(wait_, absl::Seconds(10.5));
  clock_.Advance(wait_);
  EXPECT_THAT(Turn(), IsEmpty());
  rules_.Sample({});
  clock_.Advance(wait_);
  EXPECT_THAT(Turn(), ElementsAre("/SamplingTargets"));
}

TEST_F(SamplingScheduleTest, AsksAgainSoonWhereNoRulesCame) {
  rules_answer_ = absl::UnavailableError("connection refused");
  EXPECT_THAT(Turn(), ElementsAre("/GetSamplingRules"));
  EXPECT_TRUE(rules_.Sample({}));
  clock_.Advance(absl::Seconds(10.5));
  EXPECT_THAT(Turn(), ElementsAre("/GetSamplingRules"));
  EXPECT_EQ(schedule_.failures(), 2u);
}

TEST_F(SamplingScheduleTest, FetchesRulesAnewWhenTheyHaveChanged) {
  Turn();
  rules_.Sample({});
  clock_.Advance(wait_);
  targets_answer_ = R"({"SamplingTargetDocuments": [], "LastRuleModification": 9e9})";
  EXPECT_THAT(Turn(), ElementsAre("/SamplingTargets"));
  EXPECT_THAT(Turn(), ElementsAre("/GetSamplingRules"));
}

TEST_F(SamplingScheduleTest, SendsCountsAgainThatDidNotArrive) {
  Turn();
  rules_.Sample({});
  clock_.Advance(wait_);
  targets_answer_ = std::string("garbage");
  EXPECT_THAT(Turn(), ElementsAre("/SamplingTargets"));
  targets_answer_ = std::string(kNoTargets);
  clock_.Advance(wait_);
  EXPECT_THAT(Turn(), ElementsAre("/SamplingTargets"));
  clock_.Advance(wait_);
  EXPECT_THAT(Turn(), IsEmpty());
}

TEST_F(SamplingScheduleTest, FollowsThePagesOfTheRules) {
  std::vector<std::string> bodies;
  std::string last = kNothingIsSampled;
  const auto post = [&](const std::string&, const std::string& body) -> absl::StatusOr<std::string> {
    bodies.push_back(body);
    if (bodies.size() == 1) return std::string(R"({"NextToken": "t\"1", "SamplingRuleRecords": []})");
    return last;
  };
  schedule_.Turn(post);
  EXPECT_THAT(bodies, ElementsAre("{}", R"({"NextToken":"t\"1"})"));
  EXPECT_FALSE(rules_.Sample({}));
  EXPECT_EQ(schedule_.failures(), 0u);
}

TEST_F(SamplingScheduleTest, TakesNoRulesWhosePagesNeverEndOrBreakOff) {
  size_t pages = 0;
  schedule_.Turn([&](const std::string&, const std::string&) -> absl::StatusOr<std::string> {
    ++pages;
    return R"({"NextToken": "more", )" + std::string(kNothingIsSampled).substr(1);
  });
  EXPECT_EQ(pages, 20u);
  EXPECT_EQ(schedule_.failures(), 1u);
  EXPECT_TRUE(rules_.Sample({})) << "the fallback's decision";
  clock_.Advance(absl::Seconds(10.5));
  pages = 0;
  schedule_.Turn([&](const std::string&, const std::string&) -> absl::StatusOr<std::string> {
    if (++pages == 2) return absl::UnavailableError("gone");
    return R"({"NextToken": "more", )" + std::string(kNothingIsSampled).substr(1);
  });
  EXPECT_EQ(pages, 2u);
  EXPECT_TRUE(rules_.Sample({}));
}

TEST(SamplingPoller, GetsItsRulesFromADaemon) {
  core::Mutex mutex;
  core::CondVar asked;
  std::vector<http_server::Request> requests;
  auto daemon =
      http_server::Server::Start(*core::ParseAddress("127.0.0.1:0"), [&](const http_server::Request& request) {
        core::MutexLock lock(mutex);
        requests.push_back(request);
        asked.NotifyAll();
        http_server::Response response;
        response.body = kNothingIsSampled;
        return response;
      });
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  const auto address = core::ParseAddress((*daemon)->address());
  FixedSampler always(true);
  CentralRules rules(&always, &core::Clock::Real());
  const SamplingPoller poller(&rules, {address->host, address->port});
  {
    core::MutexLock lock(mutex);
    while (requests.empty()) asked.Wait(lock);
    EXPECT_EQ(requests[0].method, "POST");
    EXPECT_EQ(requests[0].path, "/GetSamplingRules");
    EXPECT_EQ(requests[0].body, "{}");
  }
  while (rules.Sample({})) std::this_thread::yield();
}

TEST(SamplingPoller, EndsAtOnceWhileADaemonDoesNotAnswer) {
  core::Mutex mutex;
  core::CondVar wake;
  bool asked = false;
  auto daemon = http_server::Server::Start(*core::ParseAddress("127.0.0.1:0"), [&](const http_server::Request&) {
    core::MutexLock lock(mutex);
    asked = true;
    wake.NotifyAll();
    http_server::Response response;
    response.delay = absl::Hours(1);
    return response;
  });
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  const auto address = core::ParseAddress((*daemon)->address());
  FixedSampler always(true);
  CentralRules rules(&always, &core::Clock::Real());
  auto poller = std::make_unique<SamplingPoller>(&rules, HostPort{address->host, address->port});
  {
    core::MutexLock lock(mutex);
    while (!asked) wake.Wait(lock);
  }
  poller.reset();
  EXPECT_TRUE(rules.Sample({}));
}

}  // namespace
}  // namespace stratus::telemetry
