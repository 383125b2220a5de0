#include "services/sandbox/faults.h"

#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "services/sandbox/sandbox_fixture.h"

namespace stratus::sandbox {
namespace {

constexpr char kWeather[] = "/data/2.5/weather?q=Hanoi&appid=sandbox";

class FaultsTest : public SandboxTest {
 protected:
  void Set(const Json& fault) {
    const Reply reply = PostJson("/admin/faults", fault);
    ASSERT_EQ(reply.status, 200) << reply.body;
  }
};

TEST_F(FaultsTest, StrikeAsOftenAsAskedAndOnlyTheirTarget) {
  Set({{"target", "openweather"}, {"kind", "status"}, {"status", 500}, {"count", 2}});
  EXPECT_EQ(Get("/v1/search?name=Hanoi").status, 200);
  EXPECT_EQ(Get(kWeather).status, 500);
  EXPECT_EQ(Get(kWeather).status, 500);
  EXPECT_EQ(Get(kWeather).status, 200);
  const Json calls = Get("/admin/calls").json;
  EXPECT_EQ(calls["openweather"], 3);
  EXPECT_EQ(calls["geocoding"], 1);
  EXPECT_EQ(calls["jwks"], 0);
}

TEST_F(FaultsTest, StayUntilClearedWithCountZero) {
  Set({{"target", "jwks"}, {"kind", "status"}, {"count", 0}});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Get("/us-east-1_sandbox/.well-known/jwks.json").status, 503);
  EXPECT_EQ(Send({.method = "DELETE", .url = sandbox_->base_url() + "/admin/faults"}).status, 200);
  EXPECT_EQ(Get("/us-east-1_sandbox/.well-known/jwks.json").status, 200);
}

TEST_F(FaultsTest, SpeakInTheWordsOfTheService) {
  Set({{"target", "openweather"}, {"kind", "status"}, {"status", 429}, {"retry_after", "60"}});
  const Reply openweather = Get(kWeather);
  EXPECT_EQ(openweather.status, 429);
  EXPECT_EQ(openweather.json["cod"], 429);
  EXPECT_EQ(openweather.response.Header("retry-after"), "60");
  Set({{"target", "openmeteo"}, {"kind", "status"}, {"status", 429}});
  const Reply openmeteo = Get("/v1/forecast?latitude=1&longitude=1");
  EXPECT_EQ(openmeteo.json["error"], true);
  EXPECT_EQ(openmeteo.json["reason"], "Minutely API request limit exceeded. Please try again in one minute.");
  Set({{"target", "token"}, {"kind", "status"}, {"status", 500}});
  EXPECT_EQ(PostForm("/oauth2/token", "").json["error"], "server_error");
}

TEST_F(FaultsTest, BreakTheReplyInEveryWayAsked) {
  const std::string whole = Get(kWeather).body;
  Set({{"target", "openweather"}, {"kind", "html"}});
  const Reply html = Get(kWeather);
  EXPECT_EQ(html.status, 502);
  EXPECT_EQ(html.response.Header("content-type"), "text/html");
  Set({{"target", "openweather"}, {"kind", "html"}, {"status", 200}});
  EXPECT_EQ(Get(kWeather).status, 200);
  Set({{"target", "openweather"}, {"kind", "truncated"}});
  const Reply truncated = Get(kWeather);
  EXPECT_EQ(truncated.body, whole.substr(0, whole.size() / 2));
  EXPECT_TRUE(truncated.json.is_discarded());
  Set({{"target", "openweather"}, {"kind", "cut"}});
  EXPECT_EQ(Get(kWeather).status, 0);
  Set({{"target", "openweather"}, {"kind", "huge"}, {"bytes", 20'000'000}});
  EXPECT_EQ(Get(kWeather).body.size(), 20'000'000u);
  Set({{"target", "openweather"}, {"kind", "garbage"}});
  EXPECT_TRUE(Get(kWeather).json.is_discarded());
  Set({{"target", "openweather"}, {"kind", "empty"}});
  const Reply empty = Get(kWeather);
  EXPECT_EQ(empty.status, 200);
  EXPECT_EQ(empty.body, "");
  EXPECT_EQ(Get(kWeather).body, whole);
}

TEST_F(FaultsTest, SlowRepliesOutlastACallersDeadline) {
  Set({{"target", "openweather"}, {"kind", "slow"}, {"delay_ms", 600'000}});
  const auto reply =
      client_.Fetch({.url = sandbox_->base_url() + kWeather, .deadline = absl::Now() + absl::Milliseconds(20)});
  EXPECT_TRUE(absl::IsDeadlineExceeded(reply.status())) << reply.status();
  EXPECT_EQ(Get(kWeather).status, 200);
}

TEST_F(FaultsTest, RefuseWhatTheyDoNotKnow) {
  const auto refusal = [&](const Json& fault) {
    const Reply reply = PostJson("/admin/faults", fault);
    return std::to_string(reply.status) + " " + reply.json.value("message", "");
  };
  EXPECT_EQ(refusal({{"target", "moon"}, {"kind", "html"}}),
            "404 no target 'moon'; there are: digitalocean, digitalocean.boot, digitalocean.change, "
            "digitalocean.create, digitalocean.delete, digitalocean.read, geocoding, jwks, openmeteo, openweather, "
            "otlp, token, xray");
  EXPECT_EQ(refusal({{"target", "jwks"}, {"kind", "odd"}}),
            "400 'kind' must be status, slow, html, truncated, cut, huge, garbage, empty, drop or stuck");
  EXPECT_EQ(refusal({{"target", "jwks"}, {"kind", "status"}, {"status", 99}}), "400 status must be from 200 to 599");
  EXPECT_EQ(refusal({{"target", "jwks"}, {"kind", "slow"}, {"delay_ms", -1}}), "400 delay_ms must be from 0 to 600000");
  EXPECT_EQ(refusal({{"target", "jwks"}, {"kind", "huge"}, {"bytes", int64_t{1} << 40}}),
            "400 bytes must be from 0 to 256 MiB");
}

}  // namespace
}  // namespace stratus::sandbox
