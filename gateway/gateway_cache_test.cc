// Replies that the gateway keeps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gateway/filter/content_coding.h"
#include "gateway/testing/gateway_fixture.h"
#include "lib/core/status.h"

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
    if (name == "stratus_gateway_cache_calls_total") values[labels[0].second] = value;
    if (name == "stratus_gateway_cache_stored_total") values["stored"] = value;
  }
  void Gauge(std::string_view, std::string_view, double, Labels) override {}
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
  // Of an outcome, or `stored`.
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
  while (Count("stored") < 2) std::this_thread::yield();  // it is counted after it was sent
}

TEST_F(GatewayCacheTest, KeepsNothingThatItMayNot) {
  Keep("Get");
  Start();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(client_->Get("/t/items/tagged").headers.at("cache-control"), "no-cache") << "the service's word";
    EXPECT_EQ(client_->Get("/t/items/missing").status, 404);
    EXPECT_EQ(client_->Get("/t/items/1?nope=1").status, 400);
    EXPECT_EQ(client_->Get("/t/items/1", "Cache-Control: no-cache\r\n").status, 200);
    EXPECT_EQ(client_->Get("/t/items/1", "Authorization: Bearer x\r\n").status, 200) << "whose it is, nobody has told";
  }
  EXPECT_EQ(server_.gets(), 8);
  EXPECT_EQ(Count("stored"), 0);
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
  while (Count("wait") < 9) std::this_thread::yield();
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
  while (Count("wait") < 2) std::this_thread::yield();
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

TEST_F(GatewayCacheTest, KeepsGzipBesideIt) {
  Keep("Get");
  Start();
  const std::string target = absl::StrCat("/t/items/", std::string(5000, 'x'));
  const std::string plain = client_->Get(target).body;
  for (int i = 0; i < 2; ++i) {
    const RawResponse coded = client_->Get(target, "Accept-Encoding: gzip\r\n");
    EXPECT_EQ(coded.headers.at("content-encoding"), "gzip");
    filter::GzipReader reader;
    Buffer out;
    std::string_view rest = coded.body;
    EXPECT_TRUE(reader.Read(&rest, 1 << 20, &out));
    EXPECT_EQ(out.view(), plain);
  }
  EXPECT_EQ(server_.gets(), 1);
}

}  // namespace
}  // namespace stratus::gateway
