#include "lib/telemetry/local_sampler.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stratus::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(SamplingRulesFile, HasTheFormatOfTheSdks) {
  const auto rules = ParseSamplingRulesFile(R"({"version": 2,
    "rules": [{"description": "console", "host": "*", "http_method": "GET", "url_path": "/console/*",
               "fixed_target": 2, "rate": 0.5}],
    "default": {"fixed_target": 1, "rate": 0.05}})");
  ASSERT_TRUE(rules.ok()) << rules.status();
  ASSERT_THAT(*rules, SizeIs(2));
  EXPECT_EQ((*rules)[0].name, "console");
  EXPECT_EQ((*rules)[0].url_path, "/console/*");
  EXPECT_EQ((*rules)[0].reservoir_size, 2);
  EXPECT_EQ((*rules)[0].fixed_rate, 0.5);
  EXPECT_EQ((*rules)[1].url_path, "*");
  EXPECT_EQ((*rules)[1].fixed_rate, 0.05);
}

TEST(SamplingRulesFile, OfVersionOneNamesTheHostAnotherWay) {
  const auto rules = ParseSamplingRulesFile(R"({"version": 1,
    "rules": [{"service_name": "api.*", "http_method": "*", "url_path": "*", "fixed_target": 0, "rate": 1}],
    "default": {"fixed_target": 1, "rate": 0}})");
  ASSERT_TRUE(rules.ok()) << rules.status();
  EXPECT_EQ((*rules)[0].host, "api.*");
}

TEST(SamplingRulesFile, IsRefusedWithTheReason) {
  const auto refusal = [](const char* json) { return std::string(ParseSamplingRulesFile(json).status().message()); };
  EXPECT_THAT(refusal("nonsense"), HasSubstr("not a JSON object"));
  EXPECT_THAT(refusal(R"({"version": 3, "default": {"fixed_target": 1, "rate": 0}})"), HasSubstr("version"));
  EXPECT_THAT(refusal(R"({"version": 2})"), HasSubstr("no `default`"));
  EXPECT_THAT(refusal(R"({"version": 2, "default": {"fixed_target": 1, "rate": 1.5}})"), HasSubstr("default.rate"));
  EXPECT_THAT(refusal(R"({"version": 2, "default": {"fixed_target": 1, "rate": "1"}})"), HasSubstr("default.rate"));
  EXPECT_THAT(refusal(R"({"version": 2, "default": {"fixed_target": 1}})"), HasSubstr("no `rate`"));
  EXPECT_THAT(refusal(R"({"version": 2, "default": {"fixed_target": 1, "rate": 0, "rat": 1}})"), HasSubstr("`rat`"));
  EXPECT_THAT(refusal(R"({"version": 2, "rules": [{"host": 1, "fixed_target": 1, "rate": 0}],
                          "default": {"fixed_target": 1, "rate": 0}})"),
              HasSubstr("rules[0].host"));
  EXPECT_THAT(refusal(R"({"version": 2, "rules": {}, "default": {"fixed_target": 1, "rate": 0}})"), HasSubstr("list"));
}

class LocalSamplerTest : public ::testing::Test {
 protected:
  int SampledOf(LocalSampler& sampler, int calls, const char* path = "/") {
    int sampled = 0;
    for (int i = 0; i < calls; ++i) sampled += sampler.Sample({.http_method = "GET", .url_path = path}) ? 1 : 0;
    return sampled;
  }
  LocalSampler::Draw InTurn() {
    return [this] { return (draws_++ % 100) / 100.0; };
  }

  core::ManualClock clock_;
  int draws_ = 0;
};

TEST_F(LocalSamplerTest, FallsBackToOneASecondAndFivePercentOfTheRest) {
  LocalSampler sampler(FallbackRules(), &clock_, InTurn());
  EXPECT_EQ(SampledOf(sampler, 101), 1 + 5);
  EXPECT_EQ(SampledOf(sampler, 100), 5);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(SampledOf(sampler, 101), 1 + 5);
}

TEST_F(LocalSamplerTest, GoesOnWhenTheMachinesClockIsSet) {
  class JumpingClock final : public core::Clock {
   public:
    absl::Time Now() const override { return wall; }
    absl::Duration Monotonic() const override { return monotonic; }
    absl::Time wall = absl::FromUnixSeconds(1'700'000'000);
    absl::Duration monotonic = absl::Seconds(5);
  } clock;
  LocalSampler sampler(FallbackRules(), &clock, [] { return 0.99; });
  EXPECT_EQ(SampledOf(sampler, 10), 1);
  for (const absl::Duration jump : {-absl::Hours(24), absl::Hours(48)}) {
    clock.wall += jump;
    EXPECT_EQ(SampledOf(sampler, 10), 0);
    clock.monotonic += absl::Seconds(1);
    EXPECT_EQ(SampledOf(sampler, 10), 1);
  }
}

TEST_F(LocalSamplerTest, TakesTheFirstRuleThatMatches) {
  SamplingRule none, all;
  none.url_path = "/health*";
  all.fixed_rate = 1;
  LocalSampler sampler({none, all}, &clock_, InTurn());
  EXPECT_EQ(SampledOf(sampler, 100, "/health"), 0);
  EXPECT_EQ(SampledOf(sampler, 100, "/v1/weather:today"), 100);
}

TEST_F(LocalSamplerTest, SamplesNothingWithoutARuleThatMatches) {
  LocalSampler sampler({}, &clock_);
  EXPECT_EQ(SampledOf(sampler, 10), 0);
}

}  // namespace
}  // namespace stratus::telemetry
