#include "lib/telemetry/central_rules.h"

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/telemetry/testing/span_collector.h"

namespace stratus::telemetry {
namespace {

using Json = nlohmann::json;
using ::testing::SizeIs;

Json Rule(const std::string& name, double rate, int reservoir, int priority = 100) {
  return {{"SamplingRule",
           {{"RuleName", name},
            {"RuleARN", "arn:aws:xray:us-east-1:1:sampling-rule/" + name},
            {"ResourceARN", "*"},
            {"Priority", priority},
            {"FixedRate", rate},
            {"ReservoirSize", reservoir},
            {"ServiceName", "*"},
            {"ServiceType", "*"},
            {"Host", "*"},
            {"HTTPMethod", "*"},
            {"URLPath", "*"},
            {"Version", 1},
            {"Attributes", Json::object()}}},
          {"CreatedAt", 0.0},
          {"ModifiedAt", 1.5e9}};
}

std::string Rules(std::vector<Json> rules) { return Json{{"SamplingRuleRecords", rules}}.dump(); }

class CentralRulesTest : public ::testing::Test {
 protected:
  int SampledOf(int calls, const char* path = "/") {
    int sampled = 0;
    for (int i = 0; i < calls; ++i) sampled += rules_.Sample({.http_method = "GET", .url_path = path}) ? 1 : 0;
    return sampled;
  }
  Json Statistics() {
    const auto body = rules_.TakeStatistics("0123456789abcdef01234567");
    return body ? Json::parse(*body)["SamplingStatisticsDocuments"] : Json::array();
  }
  std::string Target(double rate, int quota, absl::Duration ttl, Json more = Json::object()) {
    Json target = {{"RuleName", "a"},
                   {"FixedRate", rate},
                   {"ReservoirQuota", quota},
                   {"ReservoirQuotaTTL", absl::ToUnixSeconds(clock_.Now() + ttl)},
                   {"Interval", 10}};
    target.update(more);
    return Json{{"SamplingTargetDocuments", {target}}, {"LastRuleModification", 1.5e9}, {"UnprocessedStatistics", {}}}
        .dump();
  }

  core::ManualClock clock_;
  FixedSampler fallback_{true};
  int draws_ = 0;
  CentralRules rules_{&fallback_, &clock_, [this] { return (draws_++ % 100) / 100.0; }};
  bool changed_ = false;
};

TEST_F(CentralRulesTest, LeavesItToTheFallbackUntilRulesCome) { EXPECT_EQ(SampledOf(10), 10); }

TEST_F(CentralRulesTest, BorrowsOneASecondUntilAQuotaComes) {
  ASSERT_TRUE(rules_.TakeRules(Rules({Rule("a", 0, 50)})).ok());
  EXPECT_EQ(SampledOf(20), 1);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(SampledOf(20), 1);
  const Json statistics = Statistics();
  ASSERT_THAT(statistics, SizeIs(1));
  EXPECT_EQ(statistics[0]["RuleName"], "a");
  EXPECT_EQ(statistics[0]["ClientID"], "0123456789abcdef01234567");
  EXPECT_EQ(statistics[0]["Timestamp"], absl::ToUnixSeconds(clock_.Now()));
  EXPECT_EQ(statistics[0]["RequestCount"], 40);
  EXPECT_EQ(statistics[0]["BorrowCount"], 2);
  EXPECT_EQ(statistics[0]["SampledCount"], 0);
}

TEST_F(CentralRulesTest, BorrowsNothingOfARuleWithoutAReservoir) {
  ASSERT_TRUE(rules_.TakeRules(Rules({Rule("a", 0, 0)})).ok());
  EXPECT_EQ(SampledOf(20), 0);
}

TEST_F(CentralRulesTest, TakesTheFixedRateOfTheRest) {
  ASSERT_TRUE(rules_.TakeRules(Rules({Rule("a", 0.25, 0)})).ok());
  EXPECT_EQ(SampledOf(100), 25);
  EXPECT_EQ(Statistics()[0]["SampledCount"], 25);
}

TEST_F(CentralRulesTest, KeepsToItsQuotaUntilItEnds) {
  ASSERT_TRUE(rules_.TakeRules(Rules({Rule("a", 1, 50)})).ok());
  SampledOf(1);
  ASSERT_THAT(Statistics(), SizeIs(1));
  clock_.Advance(absl::Seconds(1));
  ASSERT_TRUE(rules_.TakeTargets(Target(0, 7, absl::Seconds(30)), &changed_).ok());
  EXPECT_EQ(SampledOf(100), 7);
  clock_.Advance(absl::Seconds(29));
  EXPECT_EQ(SampledOf(100), 7);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(SampledOf(100), 1);  // over: it borrows again
}

TEST_F(CentralRulesTest, MovesNoQuotaWhenTheMachinesClockIsSet) {
  class JumpingClock final : public core::Clock {
   public:
    absl::Time Now() const override { return wall; }
    absl::Duration Monotonic() const override { return monotonic; }
    absl::Time wall = absl::FromUnixSeconds(1'700'000'000);
    absl::Duration monotonic = absl::Seconds(5);
  } clock;
  for (const absl::Duration jump : {absl::Hours(24), -absl::Hours(24)}) {
    CentralRules rules(&fallback_, &clock, [] { return 0.99; });
    const auto sampled_of = [&](int calls) {
      int sampled = 0;
      for (int i = 0; i < calls; ++i) sampled += rules.Sample({}) ? 1 : 0;
      return sampled;
    };
    clock.monotonic += absl::Seconds(1);
    ASSERT_TRUE(rules.TakeRules(Rules({Rule("a", 0, 50)})).ok());
    const int64_t ends = absl::ToUnixSeconds(clock.wall + absl::Seconds(30));
    const Json target = {{"RuleName", "a"}, {"FixedRate", 0}, {"ReservoirQuota", 7}, {"ReservoirQuotaTTL", ends}};
    ASSERT_TRUE(rules.TakeTargets(Json{{"SamplingTargetDocuments", {target}}}.dump(), &changed_).ok());
    clock.wall += jump;
    EXPECT_EQ(sampled_of(100), 7);
    clock.monotonic += absl::Seconds(29);
    EXPECT_EQ(sampled_of(100), 7);
    clock.monotonic += absl::Seconds(1);
    EXPECT_EQ(sampled_of(100), 1) << "over: it borrows again";
  }
}

TEST_F(CentralRulesTest, HonoursAQuotaOfNothing) {
  ASSERT_TRUE(rules_.TakeRules(Rules({Rule("a", 0, 50)})).ok());
  ASSERT_TRUE(rules_.TakeTargets(Target(0, 0, absl::Seconds(30)), &changed_).ok());
  EXPECT_EQ(SampledOf(100), 0);
}

TEST_F(CentralRulesTest, KeepsReservoirsAndCountsThroughARefresh) {
  ASSERT_TRUE(rules_.TakeRules(Rules({Rule("a", 0, 50)})).ok());
  ASSERT_TRUE(rules_.TakeTargets(Target(0, 5, absl::Minutes(5)), &changed_).ok());
  EXPECT_EQ(SampledOf(10), 5);
  ASSERT_TRUE(rules_.TakeRules(Rules({Rule("b", 0, 0, 200), Rule("a", 0, 60)})).ok());
  EXPECT_EQ(SampledOf(10), 0);  // of the same second
  EXPECT_EQ(Statistics()[0]["RequestCount"], 20);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(SampledOf(10), 5);
}

TEST_F(CentralRulesTest, GoesByPriorityThenByName) {
  Json narrow = Rule("z", 1, 0, 1);
  narrow["SamplingRule"]["URLPath"] = "/v1/*";
  ASSERT_TRUE(rules_.TakeRules(Rules({Rule("Default", 0, 0, 10'000), narrow})).ok());
  EXPECT_EQ(SampledOf(10, "/v1/x"), 10);
  EXPECT_EQ(SampledOf(10, "/"), 0);
}

TEST_F(CentralRulesTest, LeavesOutRulesThatItCannotApply) {
  Json other_version = Rule("a", 1, 0), of_resource = Rule("b", 1, 0), of_attributes = Rule("c", 1, 0);
  other_version["SamplingRule"]["Version"] = 2;
  of_resource["SamplingRule"]["ResourceARN"] = "arn:aws:x";
  of_attributes["SamplingRule"]["Attributes"] = {{"key", "value"}};
  Json bad_rate = Rule("d", 2, 0), no_host = Rule("e", 1, 0);
  no_host["SamplingRule"].erase("Host");
  ASSERT_TRUE(rules_
                  .TakeRules(Rules({other_version, of_resource, of_attributes, bad_rate, no_host, Json(1),
                                    Rule("Default", 0, 0, 10'000)}))
                  .ok());
  EXPECT_EQ(SampledOf(10), 0);
}

TEST_F(CentralRulesTest, TakesNoNonsense) {
  for (const char* text : {"", "nonsense", "[]", "{}", R"({"SamplingRuleRecords": 1})"}) {
    EXPECT_FALSE(rules_.TakeRules(text).ok()) << text;
  }
  ASSERT_TRUE(rules_.TakeRules(Rules({Rule("a", 0, 0)})).ok());
  for (const char* text : {"", "nonsense", "[]", "{}", R"({"SamplingTargetDocuments": 1})"}) {
    EXPECT_FALSE(rules_.TakeTargets(text, &changed_).ok()) << text;
  }
  EXPECT_TRUE(rules_
                  .TakeTargets(R"({"SamplingTargetDocuments": [1, {}, {"RuleName": "nobody"},
                      {"RuleName": "a", "FixedRate": 7, "ReservoirQuota": -1, "ReservoirQuotaTTL": "x"}]})",
                               &changed_)
                  .ok());
  EXPECT_EQ(SampledOf(10), 0);
}

TEST_F(CentralRulesTest, ReportsARuleNoMoreOftenThanItIsAskedTo) {
  ASSERT_TRUE(rules_.TakeRules(Rules({Rule("a", 0, 0)})).ok());
  EXPECT_THAT(Statistics(), SizeIs(0));  // nothing seen
  SampledOf(1);
  EXPECT_THAT(Statistics(), SizeIs(1));
  SampledOf(1);
  EXPECT_THAT(Statistics(), SizeIs(0));
  clock_.Advance(absl::Seconds(10));
  EXPECT_THAT(Statistics(), SizeIs(1));
  ASSERT_TRUE(rules_.TakeTargets(Target(0, 0, absl::Seconds(30), {{"Interval", 60}}), &changed_).ok());
  clock_.Advance(absl::Seconds(10));
  SampledOf(1);
  ASSERT_THAT(Statistics(), SizeIs(1));
  clock_.Advance(absl::Seconds(59));
  SampledOf(1);
  EXPECT_THAT(Statistics(), SizeIs(0));
}

TEST_F(CentralRulesTest, EveryRuleHasItsTurnWhereThereAreMoreThanACallReports) {
  std::vector<Json> rules;
  for (int i = 0; i < 30; ++i) {
    rules.push_back(Rule("rule" + std::to_string(i), 0, 1, i));
    rules.back()["SamplingRule"]["URLPath"] = "/" + std::to_string(i);
  }
  ASSERT_TRUE(rules_.TakeRules(Rules(rules)).ok());
  std::set<std::string> reported;
  for (int turn = 0; turn < 2; ++turn) {
    for (int i = 0; i < 30; ++i) SampledOf(1, ("/" + std::to_string(i)).c_str());
    const Json statistics = Statistics();
    EXPECT_THAT(statistics, SizeIs(25));
    for (const Json& document : statistics) reported.insert(document["RuleName"]);
    clock_.Advance(absl::Seconds(11));
  }
  EXPECT_THAT(reported, SizeIs(30));
}

TEST_F(CentralRulesTest, LosesNoCountsThatDidNotArrive) {
  ASSERT_TRUE(rules_.TakeRules(Rules({Rule("a", 1, 0)})).ok());
  SampledOf(3);
  EXPECT_EQ(Statistics()[0]["RequestCount"], 3);
  rules_.GiveBack();
  SampledOf(2);
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(Statistics()[0]["RequestCount"], 5);
  ASSERT_TRUE(rules_.TakeTargets(Target(1, 0, absl::Seconds(30)), &changed_).ok());
  rules_.GiveBack();  // they have arrived: there is nothing to give back
  clock_.Advance(absl::Seconds(10));
  EXPECT_THAT(Statistics(), SizeIs(0));
}

TEST_F(CentralRulesTest, ReportsAgainWhatWasNotProcessed) {
  Json b = Rule("b", 1, 0, 200);
  Json a = Rule("a", 1, 0);
  a["SamplingRule"]["URLPath"] = "/a";
  ASSERT_TRUE(rules_.TakeRules(Rules({a, b})).ok());
  SampledOf(3, "/a");
  SampledOf(4, "/b");
  ASSERT_THAT(Statistics(), SizeIs(2));
  const Json answer = {{"SamplingTargetDocuments", Json::array()},
                       {"UnprocessedStatistics", {{{"RuleName", "a"}, {"ErrorCode", "500"}}, 1, {{"RuleName", 2}}}}};
  ASSERT_TRUE(rules_.TakeTargets(answer.dump(), &changed_).ok());
  clock_.Advance(absl::Seconds(10));
  const Json again = Statistics();
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0]["RuleName"], "a");
  EXPECT_EQ(again[0]["RequestCount"], 3);
  EXPECT_EQ(again[0]["SampledCount"], 3);
}

TEST_F(CentralRulesTest, HearsThatRulesHaveChanged) {
  ASSERT_TRUE(rules_.TakeRules(Rules({Rule("a", 1, 0)})).ok());
  const auto answer = [&](absl::Time modified) {
    return Json{{"SamplingTargetDocuments", Json::array()}, {"LastRuleModification", absl::ToUnixSeconds(modified)}}
        .dump();
  };
  ASSERT_TRUE(rules_.TakeTargets(answer(clock_.Now() - absl::Seconds(1)), &changed_).ok());
  EXPECT_FALSE(changed_);
  ASSERT_TRUE(rules_.TakeTargets(answer(clock_.Now() + absl::Seconds(1)), &changed_).ok());
  EXPECT_TRUE(changed_);
}

TEST_F(CentralRulesTest, GoesBackToTheFallbackWhenRulesAreAnHourOld) {
  ASSERT_TRUE(rules_.TakeRules(Rules({Rule("a", 0, 0)})).ok());
  clock_.Advance(absl::Minutes(59));
  EXPECT_EQ(SampledOf(10), 0);
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(SampledOf(10), 10);
}

}  // namespace
}  // namespace stratus::telemetry
