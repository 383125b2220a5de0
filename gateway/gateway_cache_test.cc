// Replies that the gateway keeps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gateway/filter/content_coding.h"
#include "gateway/testing/gateway_fixture.h"
#include "lib/core/descriptor_limit.h"
#include "lib/core/status.h"
#include "stratus/gateway/v1/caching.pb.h"

namespace stratus::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawClient;
using testing::RawResponse;

// `Bearer NAME` is the client NAME with the scope test/read; `Bearer bad` is nobody.
class NamedClients final : public auth::Authenticator {
 public:
  auth::Outcome Check(absl::Span<const std::string_view> authorization, const auth::Policy& policy) override {
    auth::Outcome outcome;
    outcome.result = auth::Outcome::Class::kAllowed;
    if (policy.kind == auth::Policy::Kind::kPublic) return outcome;
    if (authorization.empty() || authorization[0] == "Bearer bad") {
      outcome.result = auth::Outcome::Class::kBadToken;
      return outcome;
    }
    auto principal = std::make_shared<auth::Principal>();
    principal->client_id = std::string(authorization[0].substr(7));
    principal->scopes = {"test/read"};
    outcome.principal = principal;
    return outcome;
  }
  void CheckLater(absl::Span<const std::string_view>, const auth::Policy&,
                  std::function<void(auth::Outcome)>) override {}
};

struct Scrape final : telemetry::Snapshot {
  void Counter(std::string_view name, std::string_view, double value, Labels labels) override {
    Take(name, value, labels);
  }
  void Gauge(std::string_view name, std::string_view, double value, Labels labels) override {
    Take(name, value, labels);
  }
  void Take(std::string_view name, double value, const Labels& labels) {
    constexpr std::string_view kPrefix = "stratus_gateway_cache_";
    if (name.substr(0, kPrefix.size()) != kPrefix) return;
    values[labels.empty() ? std::string(name.substr(kPrefix.size())) : labels[0].second] = value;
  }
  void Histogram(std::string_view, std::string_view, const std::vector<double>&, const std::vector<uint64_t>&, double,
                 Labels) override {}
  std::map<std::string, double> values;
};

class GatewayCacheTest : public testing::GatewayFixture {
 protected:
  // What the method gives is kept for a minute.
  stratus::config::v1::Caching::Keep* Keep(const std::string& method) {
    auto* rule = options_.config.mutable_caching()->add_rules();
    rule->set_selector(absl::StrCat("stratus.gateway.testing.v1.Shapes.", method));
    rule->set_cache_control("max-age=60");
    return rule->mutable_keep();
  }
  RawResponse GetAs(const std::string& name, const std::string& target) {
    return client_->Get(target, absl::StrCat("Authorization: Bearer ", name, "\r\n"));
  }
  // An item whose reply says this of caching, and counts the calls.
  static std::string ItemThatSays(const std::string& cache_control, const std::string& name = "1") {
    return absl::StrCat("/t/items/", name, "?count=-1&labels[cache-control]=",
                        absl::StrReplaceAll(cache_control, {{" ", "%20"}, {",", "%2C"}, {"=", "%3D"}}));
  }
  // Of an outcome, or of what follows stratus_gateway_cache_ in a metric's name.
  double Count(const std::string& what) {
    Scrape scrape;
    gateway_->WriteMetrics(scrape);
    return scrape.values.at(what);
  }
};

TEST_F(GatewayCacheTest, AnswersWithWhatItHasKept) {
  Keep("Get");
  Start();
  const RawResponse first = client_->Get("/t/items/1?count=5");
  EXPECT_EQ(first.headers.count("age"), 0u);
  const RawResponse second = client_->Get("/t/items/1?count=5");
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(second.headers.at("age"), "0");
  EXPECT_EQ(second.headers.at("cache-control"), "max-age=60");
  EXPECT_EQ(second.headers.at("etag"), first.headers.at("etag"));
  EXPECT_NE(second.headers.at("x-request-id"), first.headers.at("x-request-id"));
  EXPECT_EQ(server_.gets(), 1);
  client_->Send("HEAD", "/t/items/1?count=5");
  EXPECT_EQ(client_->Receive(true).headers.at("content-length"), std::to_string(first.body.size()));
  EXPECT_EQ(
      client_->Get("/t/items/1?count=5", absl::StrCat("If-None-Match: ", first.headers.at("etag"), "\r\n")).status,
      304);
  EXPECT_EQ(server_.gets(), 1);
  EXPECT_THAT(client_->Get("/t/items/1?count=6").body, HasSubstr("6"));
  EXPECT_EQ(server_.gets(), 2);
  EXPECT_EQ(Count("hit"), 3);
  EXPECT_EQ(Count("miss"), 2);
  while (Count("stored_total") < 2) std::this_thread::yield();  // it is counted after it was sent
}

TEST_F(GatewayCacheTest, KeepsNothingThatItMayNot) {
  Keep("Get");
  Start();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(client_->Get("/t/items/tagged").headers.at("cache-control"), "no-cache") << "the service's word";
    EXPECT_EQ(client_->Get("/t/items/missing").status, 404);
    EXPECT_EQ(client_->Get("/t/items/1?nope=1").status, 400);
    EXPECT_EQ(client_->Get("/t/items/1", "Cache-Control: no-store\r\n").status, 200);
    EXPECT_EQ(client_->Get("/t/items/1", "Authorization: Bearer x\r\n").status, 200) << "whose it is, nobody has told";
  }
  EXPECT_EQ(server_.gets(), 8);
  EXPECT_EQ(Count("stored_total"), 0);
  EXPECT_EQ(Count("bypass"), 4);
}

TEST_F(GatewayCacheTest, RepliesBelongToOnePrincipalAndCallersAreAuthorizedEachTime) {
  options_.authenticator = std::make_shared<NamedClients>();
  Keep("Get");
  Start();
  for (int i = 0; i < 2; ++i) {
    for (const char* name : {"ann", "bob"}) EXPECT_EQ(GetAs(name, "/t/items/1").status, 200);
    EXPECT_EQ(GetAs("bad", "/t/items/1").status, 401);
  }
  EXPECT_EQ(server_.gets(), 2);
}

TEST_F(GatewayCacheTest, SharedRepliesAreForEveryoneWhoMayCall) {
  options_.authenticator = std::make_shared<NamedClients>();
  Keep("Get")->set_shared(true);
  Start();
  for (const char* name : {"ann", "bob", "ann"}) EXPECT_EQ(GetAs(name, "/t/items/1").status, 200);
  EXPECT_EQ(GetAs("bad", "/t/items/1").status, 401);
  EXPECT_EQ(server_.gets(), 1);
}

TEST_F(GatewayCacheTest, TellsRepliesApartByDeclaredHeadersAndSendsNoOthers) {
  options_.config.mutable_headers()->add_forward_request("x-custom");
  Keep("Metadata")->add_vary("accept-language");
  Start();
  const auto get = [&](const char* language, const char* more) {
    return client_->Get("/t/metadata", absl::StrCat("Accept-Language: ", language, "\r\n", more));
  };
  const RawResponse first = get("vi", "X-Custom: poison\r\nPrefer: a\r\nGrpc-Metadata-X: y\r\nUser-Agent: z\r\n");
  EXPECT_THAT(first.body, HasSubstr(R"("accept-language":"vi")"));
  for (const char* name : {"poison", "prefer", R"("x":)", "x-user-agent"}) {
    EXPECT_THAT(first.body, Not(HasSubstr(name)));
  }
  EXPECT_EQ(first.headers.at("vary"), "accept-language");
  EXPECT_EQ(get("vi", "").body, first.body);
  EXPECT_THAT(get("en", "").body, HasSubstr(R"("accept-language":"en")"));
  EXPECT_EQ(Count("hit"), 1);
}

TEST_F(GatewayCacheTest, OneCallIsMadeForAllWhoAskAtOnce) {
  Keep("Get");
  Start();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(std::make_unique<RawClient>(address()));
    clients.back()->Send("GET", "/t/items/slow");
  }
  while (Count("coalesced") < 9) std::this_thread::yield();
  server_.Release();
  for (const auto& client : clients) EXPECT_EQ(client->Receive().body, R"({"name":"items/slow"})");
  EXPECT_EQ(server_.gets(), 1);
}

TEST_F(GatewayCacheTest, AnotherTakesOverFromAClientThatGoes) {
  Keep("Get");
  Start();
  auto first = std::make_unique<RawClient>(address());
  first->Send("GET", "/t/items/slow");
  while (server_.gets() == 0) std::this_thread::yield();
  RawClient second(address());
  second.Send("GET", "/t/items/slow");
  auto third = std::make_unique<RawClient>(address());
  third->Send("GET", "/t/items/slow");
  while (Count("coalesced") < 2) std::this_thread::yield();
  third = nullptr;
  first = nullptr;
  while (server_.gets() == 1) std::this_thread::yield();
  server_.Release();
  EXPECT_EQ(second.Receive().status, 200);
}

TEST_F(GatewayCacheTest, WhoWaitsHasADeadlineOfHisOwn) {
  Keep("Get");
  Start();
  RawClient first(address());
  first.Send("GET", "/t/items/slow");
  while (server_.gets() == 0) std::this_thread::yield();
  EXPECT_EQ(client_->Get("/t/items/slow", "grpc-timeout: 50m\r\n").status, 504);
  server_.Release();
  EXPECT_EQ(first.Receive().status, 200);
  EXPECT_EQ(server_.gets(), 1);
}

TEST_F(GatewayCacheTest, KeepsItsCodingsBesideIt) {
  Keep("Get");
  Start();
  const std::string target = absl::StrCat("/t/items/", std::string(5000, 'x'));
  const std::string plain = client_->Get(target).body;
  for (const char* name : {"gzip", "gzip", "zstd", "br", "br", "zstd", "gzip"}) {
    const RawResponse coded = client_->Get(target, absl::StrCat("Accept-Encoding: ", name, "\r\n"));
    EXPECT_EQ(coded.headers.at("content-encoding"), name);
    const auto reader = filter::MakeBodyReader(filter::ContentCodingOf(name));
    Buffer out;
    std::string_view rest = coded.body;
    EXPECT_TRUE(reader->Read(&rest, 1 << 20, &out));
    EXPECT_EQ(out.view(), plain);
  }
  EXPECT_EQ(server_.gets(), 1);
}

TEST_F(GatewayCacheTest, AMethodsOptionDeclaresWhatIsKept) {
  options_.authenticator = std::make_shared<NamedClients>();
  Start();
  EXPECT_EQ(GetAs("ann", "/t/found/1").headers.at("cache-control"), "max-age=60");
  const RawResponse second = GetAs("bob", "/t/found/1");
  EXPECT_EQ(second.headers.at("age"), "0");
  EXPECT_EQ(second.headers.at("vary"), "accept-language");
  EXPECT_EQ(server_.gets(), 1);
  EXPECT_EQ(client_->Get("/t/found/1", "Authorization: Bearer ann\r\nAccept-Language: vi\r\n").status, 200);
  EXPECT_EQ(server_.gets(), 2);
  EXPECT_EQ(GetAs("bad", "/t/found/1").status, 401);
}

TEST_F(GatewayCacheTest, ConfigurationStandsOverAMethodsOption) {
  options_.authenticator = std::make_shared<NamedClients>();
  auto* rule = options_.config.mutable_caching()->add_rules();
  rule->set_selector("stratus.gateway.testing.v1.*");
  rule->set_cache_control("max-age=5");
  Start();
  for (int i = 0; i < 2; ++i) EXPECT_EQ(GetAs("ann", "/t/found/1").headers.at("cache-control"), "max-age=5");
  EXPECT_EQ(server_.gets(), 2);
}

TEST_F(GatewayCacheTest, AnOptionThatMakesNoSenseIsRefusedWithTheMethodsName) {
  options_.listen = *core::ParseAddress("127.0.0.1:0");
  options_.config.add_upstreams()->set_address(server_.address());
  for (const bool vary : {false, true}) {
    options_.descriptors = testing::ShapesDescriptors();
    for (auto& file : *options_.descriptors.mutable_file()) {
      if (file.name() != "shapes.proto") continue;
      for (auto& method : *file.mutable_service(0)->mutable_method()) {
        if (method.name() != "Find") continue;
        auto* caching = method.mutable_options()->MutableExtension(gateway::v1::caching);
        vary ? caching->add_vary("Accept-Language") : caching->set_cache_control("max-age=1\r\nx: y");
      }
    }
    const auto started = Gateway::Start(options_);
    EXPECT_THAT(std::string(started.status().message()), HasSubstr("Shapes.Find: caching."));
  }
}

TEST_F(GatewayCacheTest, TheServicesWordIsTheLast) {
  Start();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(client_->Get("/t/found/1?labels[cache-control]=no-store").headers.at("cache-control"), "no-store");
    EXPECT_EQ(client_->Get("/t/found/1?labels[cache-control]=private%2Cmax-age%3D9").status, 200) << "it is for all";
  }
  EXPECT_EQ(server_.gets(), 4);
  EXPECT_EQ(Count("stored_total"), 0);
}

TEST_F(GatewayCacheTest, WhatIsStaleIsGivenAtOnceWhileOneRefreshIsUnderWay) {
  Keep("Get");
  Start();
  const std::string target = ItemThatSays("max-age=0, stale-while-revalidate=60", "slow");
  server_.Release();
  EXPECT_THAT(client_->Get(target).body, HasSubstr(R"("count":"1")"));
  server_.Hold();
  for (int i = 0; i < 5; ++i) {
    // With a client that goes at once: the refresh is not his.
    const RawResponse stale = RawClient(address()).Get(target, "grpc-timeout: 1m\r\n");
    EXPECT_THAT(stale.body, HasSubstr(R"("count":"1")"));
    EXPECT_EQ(stale.headers.count("age"), 1u);
  }
  while (server_.gets() < 2) std::this_thread::yield();
  EXPECT_EQ(Count("stale"), 5);
  EXPECT_EQ(Count("refreshes_total"), 1);
  server_.Release();
  while (Count("stored_total") < 2) std::this_thread::yield();
  EXPECT_THAT(client_->Get(target).body, HasSubstr(R"("count":"2")"));
}

TEST_F(GatewayCacheTest, AGatewayEndsWithARefreshUnderWay) {
  Keep("Get");
  Start();
  const std::string target = ItemThatSays("max-age=0, stale-while-revalidate=60", "slow");
  server_.Release();
  EXPECT_EQ(client_->Get(target).status, 200);
  server_.Hold();
  EXPECT_EQ(client_->Get(target).status, 200);
  while (server_.gets() < 2) std::this_thread::yield();
  client_ = nullptr;
  gateway_ = nullptr;
  while (server_.cancelled() == 0) std::this_thread::yield();
}

TEST_F(GatewayCacheTest, AFailingRefreshKeepsWhatIsStaleAndAnotherReplyReplacesIt) {
  Keep("Get");
  Start();
  const std::string target = ItemThatSays("max-age=0, stale-while-revalidate=60");
  EXPECT_THAT(client_->Get(target).body, HasSubstr(R"("count":"1")"));
  server_.FailWith(14);
  EXPECT_THAT(client_->Get(target).body, HasSubstr(R"("count":"1")"));
  while (Count("refreshes_failed_total") < 1) std::this_thread::yield();
  EXPECT_THAT(client_->Get(target).body, HasSubstr(R"("count":"1")"));
  // Who wants it fresh hears what there is to hear.
  EXPECT_EQ(client_->Get(target, "Cache-Control: max-age=5\r\n").status, 503);
}

TEST_F(GatewayCacheTest, WhatIsStaleStandsInForAServersFailureWhereTheServiceSaysSo) {
  Keep("Get");
  Start();
  const std::string target = ItemThatSays("max-age=0, stale-if-error=60");
  const std::string other = ItemThatSays("max-age=0, stale-if-error=60", "2");
  const std::string strict = ItemThatSays("max-age=0, stale-if-error=60, must-revalidate");
  for (const std::string& each : {target, other, strict}) EXPECT_EQ(client_->Get(each).status, 200);
  server_.FailWith(5);
  EXPECT_EQ(client_->Get(other).status, 404) << "no failure of the server";
  server_.FailWith(13);
  const RawResponse stale = client_->Get(target);
  EXPECT_EQ(stale.status, 200);
  EXPECT_THAT(stale.body, HasSubstr(R"("count":"1")"));
  EXPECT_EQ(stale.headers.count("age"), 1u);
  const int calls = server_.gets();
  EXPECT_EQ(client_->Get(target).status, 200);
  EXPECT_EQ(server_.gets(), calls) << "it failed a moment ago";
  EXPECT_EQ(client_->Get(strict).status, 500);
  EXPECT_EQ(Count("stale_if_error"), 2);
}

TEST_F(GatewayCacheTest, ClientsChooseWhatTheyTake) {
  Keep("Get");
  Start();
  const auto get = [&](const char* directives) {
    return client_->Get("/t/items/1?count=-1", absl::StrCat("Cache-Control: ", directives, "\r\n"));
  };
  const RawResponse nothing = get("only-if-cached");
  EXPECT_EQ(nothing.status, 504);
  EXPECT_EQ(server_.gets(), 0);
  EXPECT_THAT(get("max-age=60").body, HasSubstr(R"("count":"1")"));
  EXPECT_THAT(get("max-age=60, only-if-cached").body, HasSubstr(R"("count":"1")"));
  EXPECT_THAT(get("min-fresh=30").body, HasSubstr(R"("count":"1")"));
  const RawResponse anew = get("no-cache");
  EXPECT_THAT(anew.body, HasSubstr(R"("count":"2")"));
  EXPECT_EQ(anew.headers.count("age"), 0u);
  while (Count("stored_total") < 2) std::this_thread::yield();
  EXPECT_THAT(get("only-if-cached").body, HasSubstr(R"("count":"2")")) << "what came anew was kept";
  EXPECT_THAT(get("min-fresh=90").body, HasSubstr(R"("count":"3")"));
  EXPECT_THAT(get("max-age=0").body, HasSubstr(R"("count":"4")"));
  EXPECT_THAT(get("no-store").body, HasSubstr(R"("count":"5")"));
  while (Count("stored_total") < 4) std::this_thread::yield();
  EXPECT_THAT(client_->Get("/t/items/1?count=-1").body, HasSubstr(R"("count":"4")"));
  EXPECT_EQ(get("no-store, only-if-cached").status, 504);
  EXPECT_EQ(Count("revalidated"), 3);
  EXPECT_EQ(Count("only_if_cached"), 2);
}

class CrowdedGatewayCacheTest : public GatewayCacheTest {
 protected:
  static constexpr int kClients = 1000;

  // All ask for what a slow service gives; returns when all but one wait for that one.
  void Crowd() {
    core::RaiseDescriptorLimit();  // two sockets a client
    Keep("Get");
    Start();
    for (int i = 0; i < kClients; ++i) {
      clients_.push_back(std::make_unique<RawClient>(address()));
      clients_.back()->Send("GET", "/t/items/slow");
    }
    while (Count("coalesced") < kClients - 1) std::this_thread::yield();
  }
  std::vector<std::unique_ptr<RawClient>> clients_;
};

TEST_F(CrowdedGatewayCacheTest, AThousandWhoWaitAreOneCall) {
  Crowd();
  server_.Release();
  for (const auto& client : clients_) ASSERT_EQ(client->Receive().status, 200);
  EXPECT_EQ(server_.gets(), 1);
}

TEST_F(CrowdedGatewayCacheTest, AThousandWhoWaitForAFailureAreOneCallToo) {
  Crowd();
  server_.FailWith(14);
  server_.Release();
  for (const auto& client : clients_) ASSERT_EQ(client->Receive().status, 503);
  EXPECT_EQ(server_.gets(), 1);
}

TEST_F(GatewayCacheTest, StaysWithinItsBytes) {
  constexpr double kLimit = 64 << 20;
  Keep("Get");
  Start();
  // A tag of 900 KB each, twice for its gzip: a hundred of them would be 170 MB.
  const auto target = [](int i) { return absl::StrCat("/t/items/", i, "?labels[size]=900000"); };
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(client_->Get(target(i)).body.size(), client_->Get(target(i)).body.size());
    ASSERT_LE(Count("bytes"), kLimit);
  }
  EXPECT_EQ(Count("hit"), 100);
  EXPECT_GT(Count("bytes"), kLimit * 0.9);
  EXPECT_EQ(Count("stored_total"), Count("entries") + Count("evicted_total"));
}

TEST_F(GatewayCacheTest, WhatIsTooLargeGoesThroughUnkept) {
  Keep("Get");
  Start();
  for (int i = 0; i < 2; ++i) {
    const RawResponse reply = client_->Get("/t/items/1?labels[size]=40000000");
    EXPECT_EQ(reply.status, 200);
    EXPECT_GT(reply.body.size(), 40'000'000u);
  }
  EXPECT_EQ(server_.gets(), 2);
  EXPECT_EQ(Count("too_large_total"), 2);
  EXPECT_EQ(Count("entries"), 0);
}

}  // namespace
}  // namespace stratus::gateway
