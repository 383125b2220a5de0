// What a gateway does with bodies beside JSON: masks that they imply, codings, validators.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gateway/filter/content_coding.h"
#include "gateway/testing/gateway_fixture.h"

namespace stratus::gateway {
namespace {

using filter::ContentCoding;
using ::testing::HasSubstr;
using testing::RawClient;
using testing::RawResponse;

constexpr char kJson[] = "Content-Type: application/json\r\n";

class GatewayBodyTest : public testing::GatewayFixture {
 protected:
  RawResponse Call(const std::string& method, const std::string& target, const std::string& headers,
                   const std::string& body) {
    client_->Send(method, target, headers, body);
    return client_->Receive();
  }
};

// --- PATCH.

TEST_F(GatewayBodyTest, APatchWithoutAMaskMeansWhatItsBodyNames) {
  Start();
  const RawResponse response = Call("PATCH", "/t/items/1", kJson, R"({"count":"0","tags":[],"inner":{"count":3}})");
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.body,
            R"({"item":{"name":"items/1","inner":{"count":"3"}},"updateMask":"count,tags,inner.count"})");
  EXPECT_THAT(Call("PATCH", "/t/items/1", "Content-Type: application/merge-patch+json\r\n", R"({"inner":null})").body,
              HasSubstr(R"("updateMask":"inner")"));
}

TEST_F(GatewayBodyTest, AMaskThatIsGivenStays) {
  Start();
  for (const char* query : {"updateMask=tags", "update_mask=tags"}) {
    EXPECT_THAT(Call("PATCH", absl::StrCat("/t/items/1?", query), kJson, R"({"count":1})").body,
                HasSubstr(R"("updateMask":"tags")"));
  }
}

TEST_F(GatewayBodyTest, APatchOfTheWholeRequestGetsNoMask) {
  Start();
  EXPECT_EQ(Call("PATCH", "/t/whole", kJson, R"({"item":{"count":1}})").body, R"({"item":{"count":"1"}})");
  EXPECT_EQ(Call("PATCH", "/t/whole", kJson, R"({"item":{"count":1},"updateMask":"item.tags"})").body,
            R"({"item":{"count":"1"},"updateMask":"item.tags"})");
  EXPECT_EQ(Call("PATCH", "/t/items/1", "", "").body, R"({"item":{"name":"items/1"}})");
}

// --- Content codings.

std::string Encode(ContentCoding coding, std::string_view text) {
  Buffer out;
  EXPECT_TRUE(filter::MakeBodyWriter(coding, 1)->Write(text, &out));
  return std::string(out.view());
}

std::string Decode(ContentCoding coding, std::string_view coded) {
  const auto reader = filter::MakeBodyReader(coding);
  Buffer out;
  EXPECT_TRUE(reader->Read(&coded, 100 << 20, &out));
  EXPECT_TRUE(reader->complete());
  return std::string(out.view());
}

class GatewayCodingTest : public GatewayBodyTest, public ::testing::WithParamInterface<ContentCoding> {
 protected:
  std::string Encoded(std::string_view text) const { return Encode(GetParam(), text); }
  std::string name() const { return std::string(filter::NameOf(GetParam())); }
  std::string coding_header() const { return absl::StrCat("Content-Encoding: ", name(), "\r\n"); }
  std::string json_headers() const { return absl::StrCat(kJson, coding_header()); }
};
INSTANTIATE_TEST_SUITE_P(Codings, GatewayCodingTest,
                         ::testing::Values(ContentCoding::kGzip, ContentCoding::kZstd, ContentCoding::kBrotli),
                         [](const auto& of) { return std::string(filter::NameOf(of.param)); });

TEST_P(GatewayCodingTest, TakesACompressedRequest) {
  Start();
  const std::string body = absl::StrCat(R"({"name":")", std::string(3'000'000, 'x'), R"("})");
  EXPECT_EQ(Call("POST", "/t/echo", json_headers(), Encoded(body)).body, body);
  EXPECT_EQ(
      Call("POST", "/t/raw", absl::StrCat("Content-Type: text/plain\r\n", coding_header()), Encoded("hello")).body,
      "hello");
  EXPECT_EQ(Call("POST", "/t/echo", "Content-Type: application/json\r\nContent-Encoding: identity\r\n", "{}").body,
            "{}");
}

TEST_P(GatewayCodingTest, RefusesABombByItsDecodedSize) {
  options_.config.mutable_limits()->set_request_body_bytes_max(1 << 20);
  Start();
  const std::string bomb = Encoded(std::string(50 << 20, ' '));
  ASSERT_LT(bomb.size(), 1u << 20);
  const RawResponse response = Call("POST", "/t/echo", json_headers(), bomb);
  EXPECT_EQ(response.status, 413);
  EXPECT_THAT(response.body, HasSubstr("1048576 bytes"));
}

TEST_F(GatewayBodyTest, RefusesCodingsThatItDoesNotKnow) {
  Start();
  for (const char* coding : {"compress", "deflate", "gzip, gzip"}) {
    RawClient client(address());
    client.Send("POST", "/t/echo", absl::StrCat(kJson, "Content-Encoding: ", coding, "\r\n"), "{}");
    const RawResponse response = client.Receive();
    EXPECT_EQ(response.status, 415) << coding;
    EXPECT_EQ(response.headers.at("accept-encoding"), "gzip, zstd, br");
  }
}

TEST_P(GatewayCodingTest, RefusesWhatIsNotItsCoding) {
  Start();
  for (const std::string& body : {std::string("{}"), Encoded("{}").substr(0, 5), Encoded("{}") + "{}{}"}) {
    RawClient client(address());
    client.Send("POST", "/t/echo", json_headers(), body);
    const RawResponse response = client.Receive();
    EXPECT_EQ(response.status, 400);
    EXPECT_THAT(response.body, HasSubstr("content-encoding"));
  }
}

TEST_P(GatewayCodingTest, TakesACompressedStreamAlsoWhenTheServiceIsSlow) {
  Start();
  std::string lines = "{\"name\":\"wait\"}\n";
  constexpr int kMessages = 200'000;
  for (int i = 1; i < kMessages; ++i) lines += "{\"name\":\"a rather long name that packs very well\"}\n";
  client_->Send("POST", "/t/collect", absl::StrCat("Content-Type: application/x-ndjson\r\n", coding_header()),
                Encoded(lines));
  while (server_.collected() == 0) std::this_thread::yield();
  server_.Release();
  EXPECT_THAT(client_->Receive().body, HasSubstr(absl::StrCat("\"count\":\"", kMessages, "\"")));
  for (const std::string& body : {std::string("{}"), Encoded("{}\n").substr(0, 5)}) {
    RawClient client(address());
    client.Send("POST", "/t/collect", json_headers(), body);
    EXPECT_EQ(client.Receive().status, 400);
  }
}

TEST_P(GatewayCodingTest, CompressesLargeRepliesForWhoAcceptsThat) {
  Start();
  const std::string body = absl::StrCat(R"({"name":")", std::string(100'000, 'x'), R"("})");
  const auto echo = [&](const std::string& accept, const std::string& json) {
    return Call("POST", "/t/echo", absl::StrCat(kJson, "Accept-Encoding: ", accept, "\r\n"), json);
  };
  RawResponse response = echo(absl::StrCat("deflate, ", name(), ";q=0.8"), body);
  EXPECT_EQ(response.headers.at("content-encoding"), name());
  EXPECT_EQ(response.headers.at("vary"), "accept-encoding");
  EXPECT_LT(response.body.size(), 1000u);
  EXPECT_EQ(Decode(GetParam(), response.body), body);
  for (const char* accept : {"deflate", "gzip;q=0, *;q=0", "identity, *;q=0.1"}) {
    response = echo(accept, body);
    EXPECT_EQ(response.headers.count("content-encoding"), 0u) << accept;
    EXPECT_EQ(response.headers.at("vary"), "accept-encoding");
    EXPECT_EQ(response.body, body);
  }
  response = echo(name(), R"({"name":"small"})");
  EXPECT_EQ(response.headers.count("content-encoding"), 0u);
  EXPECT_EQ(response.headers.count("vary"), 0u);
  const std::string huge = absl::StrCat(R"({"name":")", std::string(3'000'000, 'x'), R"("})");
  EXPECT_EQ(echo(name(), huge).body, huge) << "it would hold up the loop";
}

TEST_F(GatewayBodyTest, CompressesAsConfigured) {
  options_.config.mutable_compression()->set_response_bytes_min(10);
  Start();
  EXPECT_EQ(Decode(ContentCoding::kGzip, client_->Get("/t/items/12345678", "Accept-Encoding: gzip\r\n").body),
            R"({"name":"items/12345678"})");
  options_.config.mutable_compression()->set_response_bytes_min(0);
  Start();
  const std::string name(5000, 'x');
  EXPECT_EQ(client_->Get(absl::StrCat("/t/items/", name), "Accept-Encoding: gzip\r\n").headers.count("vary"), 0u);
}

// --- Validators.

TEST_F(GatewayBodyTest, ReadsHaveATagAndAreNotSentTwice) {
  Start();
  const RawResponse first = client_->Get("/t/items/1?count=5");
  const std::string tag = first.headers.at("etag");
  EXPECT_THAT(tag, ::testing::MatchesRegex("W/\"[0-9a-f]{16}\""));
  const RawResponse second = client_->Get("/t/items/1?count=5", absl::StrCat("If-None-Match: \"x\", ", tag, "\r\n"));
  EXPECT_EQ(second.status, 304);
  EXPECT_EQ(second.headers.at("etag"), tag);
  EXPECT_EQ(second.headers.count("content-type"), 0u);
  EXPECT_EQ(second.headers.count("content-length"), 0u);
  const RawResponse changed = client_->Get("/t/items/1?count=6", absl::StrCat("If-None-Match: ", tag, "\r\n"));
  EXPECT_EQ(changed.status, 200);
  EXPECT_NE(changed.headers.at("etag"), tag);
  client_->Send("HEAD", "/t/items/1?count=5");
  EXPECT_EQ(client_->Receive(true).headers.at("etag"), tag);
  client_->Send("POST", "/t/echo", absl::StrCat(kJson, "If-None-Match: *\r\n"), "{}");
  const RawResponse post = client_->Receive();
  EXPECT_EQ(post.status, 200);
  EXPECT_EQ(post.headers.count("etag"), 0u);
  EXPECT_EQ(client_->Get("/t/fail?code=5", "If-None-Match: *\r\n").status, 404);
}

TEST_F(GatewayBodyTest, AServicesOwnTagIsHonoured) {
  options_.config.mutable_caching()->set_etags(false);
  auto* rule = options_.config.mutable_caching()->add_rules();
  rule->set_selector("stratus.gateway.testing.v1.Shapes.*");
  rule->set_cache_control("private, max-age=60");
  Start();
  const RawResponse tagged = client_->Get("/t/items/tagged");
  EXPECT_EQ(tagged.headers.at("etag"), "\"v1\"");
  EXPECT_EQ(tagged.headers.at("cache-control"), "no-cache");
  EXPECT_EQ(client_->Get("/t/items/tagged", "If-None-Match: W/\"v1\"\r\n").status, 304);
  const RawResponse other = client_->Get("/t/items/1");
  EXPECT_EQ(other.headers.count("etag"), 0u);
  EXPECT_EQ(other.headers.at("cache-control"), "private, max-age=60");
  EXPECT_EQ(client_->Post("/t/echo", "{}").headers.count("cache-control"), 0u);
}

TEST_F(GatewayBodyTest, TheClosestCacheRuleWins) {
  for (const auto& [selector, value] :
       {std::pair{"stratus.*", "a"}, std::pair{"stratus.gateway.testing.v1.Shapes.Get", "b"},
        std::pair{"stratus.gateway.*", "c"}, std::pair{"strat", "d"}}) {
    auto* rule = options_.config.mutable_caching()->add_rules();
    rule->set_selector(selector);
    rule->set_cache_control(value);
  }
  Start();
  EXPECT_EQ(client_->Get("/t/items/1").headers.at("cache-control"), "b");
  EXPECT_EQ(client_->Get("/t/metadata").headers.at("cache-control"), "c");
  options_.config.mutable_caching()->mutable_rules(0)->set_cache_control("a\r\nx: y");
  EXPECT_THAT(std::string(Gateway::Start(options_).status().message()), HasSubstr("caching.rules[0].cache_control"));
}

}  // namespace
}  // namespace stratus::gateway
