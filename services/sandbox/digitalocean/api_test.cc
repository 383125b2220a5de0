#include "services/sandbox/digitalocean/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "services/sandbox/digitalocean/fixture.h"

namespace stratus::sandbox::digitalocean {
namespace {

using testing::HasSubstr;

class Api : public DigitalOceanTest {
 protected:
  Json Report() { return Get("/admin/digitalocean").json; }

  // Waits for what another thread brings about.
  void WaitForCreates(const char* counter, int64_t value) {
    while (Report()["creates"][counter] != value) std::this_thread::yield();
  }
};

TEST_F(Api, WantsABearerToken) {
  for (const char* token : {"", "dopv1", "Dop_v1", "xdop_v1"}) {
    const Reply reply = Ask("account", token);
    EXPECT_EQ(reply.status, 401) << token;
    EXPECT_EQ(reply.json["id"], "Unauthorized");
    EXPECT_EQ(reply.json["message"], "Unable to authenticate you");
  }
  EXPECT_EQ(Ask("account", "dop_" + std::string(300, 'x')).status, 401);
  EXPECT_EQ(Ask("account").status, 200);
}

TEST_F(Api, TakesTheTokenThatItIsToldOf) {
  const auto sandbox = Sandbox::Start(
      {.listen = *core::ParseAddress("127.0.0.1:0"), .profile = "development", .digitalocean_token = "secret"});
  ASSERT_TRUE(sandbox.ok());
  const std::string url = (*sandbox)->base_url() + "/v2/account";
  EXPECT_EQ(Send({.url = url, .headers = {{"authorization", "Bearer secret"}}}).status, 200);
  EXPECT_EQ(Send({.url = url, .headers = {{"authorization", "Bearer secre"}}}).status, 401);
}

TEST_F(Api, GivesEveryTokenAnAccountOfItsOwn) {
  const std::string id = MakeDroplet(Json::object(), "dop_v1_a");
  EXPECT_EQ(Ask("droplets/" + id, "dop_v1_a").status, 200);
  EXPECT_EQ(Ask("droplets/" + id, "dop_v1_b").status, 404);
  EXPECT_EQ(Ask("droplets", "dop_v1_b").json["meta"]["total"], 0);
  EXPECT_NE(Ask("account", "dop_v1_a").json["account"]["uuid"], Ask("account", "dop_v1_b").json["account"]["uuid"]);
}

TEST_F(Api, NamesTheRequestInEveryError) {
  const Reply reply = Ask("droplets/1");
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.json["id"], "not_found");
  EXPECT_EQ(reply.json["request_id"], reply.response.Header("x-request-id"));
  EXPECT_EQ(reply.json["request_id"].get<std::string>().size(), 36u);
  EXPECT_EQ(Ask("volumes").status, 404);
  EXPECT_EQ(Call("PATCH", "droplets").status, 404);
  EXPECT_EQ(Ask("").status, 404);
}

TEST_F(Api, RefusesBodiesThatAreNoJsonObject) {
  http_client::Request request{.method = "POST",
                               .url = sandbox_->base_url() + "/v2/tags",
                               .headers = {{"authorization", "Bearer dop_x"}, {"content-type", "application/json"}}};
  for (const char* body : {"{", "[]", "3", "name=x"}) {
    request.body = body;
    EXPECT_EQ(Send(request).status, 400) << body;
  }
  request.headers[1].second = "text/plain";
  request.body = R"({"name":"x"})";
  EXPECT_EQ(Send(request).status, 415);
}

TEST_F(Api, CountsCallsByTheHour) {
  EXPECT_EQ(PostJson("/admin/digitalocean", {{"calls_per_hour", 2}}).status, 200);
  Reply reply = Ask("account");
  EXPECT_EQ(reply.response.Header("ratelimit-limit"), "2");
  EXPECT_EQ(reply.response.Header("ratelimit-remaining"), "1");
  EXPECT_EQ(reply.response.Header("ratelimit-reset"), "1768438800");
  EXPECT_EQ(Ask("account").status, 200);
  reply = Ask("account");
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.json["id"], "too_many_requests");
  EXPECT_EQ(reply.response.Header("retry-after"), "3601");
  EXPECT_EQ(Ask("account", "dop_v1_other").status, 200) << "each account has its own";
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(Ask("account").status, 200);
}

TEST_F(Api, ListsInPagesThatLinkToEachOther) {
  for (int i = 0; i < 5; ++i) Call("POST", "tags", {{"name", absl::StrCat("t", i)}});
  const Json first = Ask("tags?per_page=2").json;
  EXPECT_EQ(first["tags"].size(), 2u);
  EXPECT_EQ(first["meta"]["total"], 5);
  EXPECT_FALSE(first["links"]["pages"].contains("prev"));
  EXPECT_EQ(first["links"]["pages"]["last"], sandbox_->base_url() + "/v2/tags?page=3&per_page=2");
  // Following `next` leads over every item, once.
  std::set<std::string> names;
  std::string url = sandbox_->base_url() + "/v2/tags?per_page=2";
  Json page;
  for (; !url.empty(); url = page["links"].value("/pages/next"_json_pointer, "")) {
    page = Send({.url = url, .headers = {{"authorization", std::string("Bearer ") + kToken}}}).json;
    for (const Json& tag : page["tags"]) EXPECT_TRUE(names.insert(tag["name"]).second);
  }
  EXPECT_EQ(names.size(), 5u);
  EXPECT_EQ(page["links"]["pages"]["prev"], sandbox_->base_url() + "/v2/tags?page=2&per_page=2");
}

TEST_F(Api, TakesPageNumbersThatAreNone) {
  Call("POST", "tags", {{"name", "t"}});
  EXPECT_EQ(Ask("tags").json["links"], Json::object());
  EXPECT_EQ(Ask("tags?page=0&per_page=0").json["tags"].size(), 1u);
  EXPECT_EQ(Ask("tags?page=x&per_page=99999").json["tags"].size(), 1u);
  const Json past = Ask("tags?page=2147483647&per_page=200").json;
  EXPECT_EQ(past["tags"].size(), 0u);
  EXPECT_EQ(past["meta"]["total"], 1);
}

TEST_F(Api, ShowsWhatItOffers) {
  EXPECT_EQ(Ask("account").json["account"]["status"], "active");
  EXPECT_GT(Ask("regions").json["regions"].size(), 5u);
  EXPECT_GT(Ask("sizes").json["sizes"].size(), 5u);
  EXPECT_GT(Ask("images?type=distribution").json["images"].size(), 5u);
  EXPECT_EQ(Ask("images?private=true").json["images"].size(), 0u);
  EXPECT_EQ(Ask("images/debian-12-x64").json["image"]["id"], 159651797);
  EXPECT_EQ(Ask("images/159651797").json["image"]["slug"], "debian-12-x64");
  EXPECT_EQ(Ask("images/beos").status, 404);
}

TEST_F(Api, FailsOnDemandByWhatACallDoes) {
  const auto fault = [&](const char* target, const Json& more) {
    Json body = {{"target", target}};
    body.update(more);
    EXPECT_EQ(PostJson("/admin/faults", body).status, 200);
  };
  fault("digitalocean.create", {{"kind", "status"}, {"status", 429}, {"retry_after", "17"}});
  EXPECT_EQ(Ask("tags").status, 200);
  const Reply refused = Call("POST", "tags", {{"name", "a"}});
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.json["id"], "too_many_requests");
  EXPECT_EQ(refused.response.Header("retry-after"), "17");
  EXPECT_EQ(Ask("tags/a").status, 404) << "it has had no effect";

  fault("digitalocean.create", {{"kind", "drop"}});
  EXPECT_EQ(Call("POST", "tags", {{"name", "a"}}).status, 0) << "no reply";
  EXPECT_EQ(Ask("tags/a").status, 200) << "but it has had its effect";

  fault("digitalocean.delete", {{"kind", "status"}, {"status", 503}});
  EXPECT_EQ(Call("DELETE", "tags/a").json["id"], "service_unavailable");
  EXPECT_EQ(Call("DELETE", "tags/a").status, 204);
  fault("digitalocean", {{"kind", "status"}, {"status", 500}});
  EXPECT_EQ(Ask("account").json["id"], "server_error");
}

TEST_F(Api, KeepsFaultsToWhatTheyCanStrike) {
  EXPECT_EQ(PostJson("/admin/faults", {{"target", "digitalocean"}, {"kind", "stuck"}}).status, 400);
  EXPECT_EQ(PostJson("/admin/faults", {{"target", "digitalocean.boot"}, {"kind", "slow"}}).status, 400);
  EXPECT_EQ(PostJson("/admin/faults", {{"target", "digitalocean.boot"}, {"kind", "stuck"}}).status, 200);
}

TEST_F(Api, RefusesABehaviourOutOfRange) {
  for (const Json& wrong :
       {Json{{"create_ms_min", 2}}, Json{{"create_ms_max", -1}}, Json{{"boot_ms_max", 600'001}},
        Json{{"calls_per_hour", 0}}, Json{{"create_ms_min", "1"}}, Json{{"unknown", 1}}, Json{{"release_stuck", 1}}}) {
    EXPECT_EQ(PostJson("/admin/digitalocean", wrong).status, 400) << wrong;
  }
  const Json now = PostJson("/admin/digitalocean", {{"create_ms_max", 5}}).json;
  EXPECT_EQ(now["create_ms_max"], 5);
  EXPECT_EQ(now["boot_ms_max"], 2000) << "what is left out stays";
}

TEST_F(Api, FinishesACreateWhoseClientHasGone) {
  EXPECT_EQ(PostJson("/admin/digitalocean", {{"create_ms_min", 2000}, {"create_ms_max", 2000}}).status, 200);
  {
    http_client::Client client;
    std::promise<absl::Status> ended;
    const auto cancel = client.Send(
        {.method = "POST",
         .url = sandbox_->base_url() + "/v2/tags",
         .headers = {{"authorization", std::string("Bearer ") + kToken}, {"content-type", "application/json"}},
         .body = R"({"name":"late"})"},
        [&](auto reply) { ended.set_value(reply.status()); });
    WaitForCreates("in_flight", 1);
    EXPECT_EQ(Report()["creates"]["begun"], 1);
    cancel();
    EXPECT_EQ(ended.get_future().get().code(), absl::StatusCode::kCancelled);
  }
  WaitForCreates("in_flight", 0);
  EXPECT_EQ(Report()["creates"]["made"], 1);
  EXPECT_EQ(Report()["accounts"][0]["tags"], Json({"late"}));
}

TEST_F(Api, EndsWhileCreatesAreUnderWay) {
  EXPECT_EQ(PostJson("/admin/digitalocean", {{"create_ms_min", 600'000}, {"create_ms_max", 600'000}}).status, 200);
  std::promise<void> ended;
  client_.Send({.method = "POST",
                .url = sandbox_->base_url() + "/v2/tags",
                .headers = {{"authorization", std::string("Bearer ") + kToken}, {"content-type", "application/json"}},
                .body = R"({"name":"x"})",
                .idempotent = false},
               [&](const auto&) { ended.set_value(); });
  WaitForCreates("in_flight", 1);
  sandbox_.reset();
  ended.get_future().wait();
}

TEST_F(Api, ReportsEverythingOfEveryAccount) {
  MakeDroplet({{"tags", {"blue"}}}, "dop_v1_a");
  Call("POST", "account/keys", {{"name", "k"}, {"public_key", PublicKey('1')}}, "dop_v1_b");
  const Json accounts = Report()["accounts"];
  ASSERT_EQ(accounts.size(), 2u);
  int droplets = 0;
  int keys = 0;
  for (const Json& account : accounts) {
    droplets += static_cast<int>(account["droplets"].size());
    keys += static_cast<int>(account["ssh_keys"].size());
    EXPECT_EQ(account["account"].get<std::string>().size(), 16u);
    EXPECT_EQ(account["projects"].size(), 1u) << "the default one";
  }
  EXPECT_EQ(droplets, 1);
  EXPECT_EQ(keys, 1);
  EXPECT_THAT(Get("/admin/digitalocean").body, testing::Not(HasSubstr("dop_v1")));
}

}  // namespace
}  // namespace stratus::sandbox::digitalocean
