#include "lib/telemetry/sampling_rule.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace stratus::telemetry {
namespace {

TEST(WildcardMatch, TakesStarsAndQuestionMarks) {
  EXPECT_TRUE(WildcardMatch("*", ""));
  EXPECT_TRUE(WildcardMatch("*", "anything"));
  EXPECT_TRUE(WildcardMatch("", ""));
  EXPECT_TRUE(WildcardMatch("/v1/*", "/v1/weather:today"));
  EXPECT_TRUE(WildcardMatch("*.example.com", "api.example.com"));
  EXPECT_TRUE(WildcardMatch("a*b*c", "aXXbYYbZc"));
  EXPECT_TRUE(WildcardMatch("?ET", "get"));
  EXPECT_TRUE(WildcardMatch("a**", "a"));
  EXPECT_FALSE(WildcardMatch("", "x"));
  EXPECT_FALSE(WildcardMatch("?", ""));
  EXPECT_FALSE(WildcardMatch("/v1/*", "/v2/x"));
  EXPECT_FALSE(WildcardMatch("a*b", "abc"));
}

TEST(WildcardMatch, EndsSoonOnWhatWouldBacktrackForEver) {
  EXPECT_FALSE(WildcardMatch("*a*a*a*a*a*a*a*a*b", std::string(5000, 'a')));
}

TEST(SamplingRule, MatchesByEveryField) {
  SamplingRule rule;
  rule.host = "api.*";
  rule.http_method = "GET";
  rule.url_path = "/v1/*";
  rule.service_name = "stratus-*";
  rule.service_type = "AWS::ECS::Container";
  const SamplingRequest good{.service_name = "stratus-gateway",
                             .service_type = "AWS::ECS::Container",
                             .host = "api.example.com",
                             .http_method = "get",
                             .url_path = "/v1/x"};
  EXPECT_TRUE(rule.Matches(good));
  for (std::string_view SamplingRequest::*field :
       {&SamplingRequest::service_name, &SamplingRequest::service_type, &SamplingRequest::host,
        &SamplingRequest::http_method, &SamplingRequest::url_path}) {
    SamplingRequest other = good;
    other.*field = "another";
    EXPECT_FALSE(rule.Matches(other));
  }
}

TEST(Reservoir, GivesSoManyASecond) {
  Reservoir reservoir;
  EXPECT_TRUE(reservoir.Take(100, 2));
  EXPECT_TRUE(reservoir.Take(100, 2));
  EXPECT_FALSE(reservoir.Take(100, 2));
  EXPECT_TRUE(reservoir.Take(101, 2));
  EXPECT_FALSE(reservoir.Take(102, 0));
}

TEST(Reservoir, GivesNoMoreToManyThreads) {
  Reservoir reservoir;
  std::atomic<int> taken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) taken += reservoir.Take(7, 500) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 500);
}

}  // namespace
}  // namespace stratus::telemetry
