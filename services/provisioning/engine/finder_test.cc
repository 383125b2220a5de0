#include "services/provisioning/engine/finder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "lib/core/clock.h"
#include "lib/core/random.h"
#include "lib/http_server/http_server.h"
#include "services/sandbox/sandbox.h"

namespace stratus::provisioning::engine {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr char kToken[] = "dop_v1_mine";

// An ed25519 key with the number in its bytes.
std::string PublicKey(int number) {
  std::string blob("\0\0\0\x0bssh-ed25519\0\0\0\x20", 19);
  blob += std::string(28, 'k') + std::string{static_cast<char>(number >> 24), static_cast<char>(number >> 16),
                                             static_cast<char>(number >> 8), static_cast<char>(number)};
  return "ssh-ed25519 " + absl::Base64Escape(blob);
}

class FinderTest : public testing::Test {
 protected:
  FinderTest() {
    auto sandbox = sandbox::Sandbox::Start(
        {.listen = *core::ParseAddress("127.0.0.1:0"), .profile = "development", .clock = &clock_});
    EXPECT_TRUE(sandbox.ok()) << sandbox.status();
    sandbox_ = *std::move(sandbox);
    environment_ = {{"DIGITALOCEAN_TOKEN", kToken}, {"DIGITALOCEAN_API_URL", sandbox_->base_url()}};
    auto finder = Finder::Load(STRATUS_FINDERS_DIR, &client_);
    EXPECT_TRUE(finder.ok()) << finder.status();
    finder_ = *std::move(finder);
  }

  json Post(const std::string& path, const json& body, const std::string& token = kToken) {
    const auto response =
        client_.Fetch({.method = "POST",
                       .url = sandbox_->base_url() + path,
                       .headers = {{"authorization", "Bearer " + token}, {"content-type", "application/json"}},
                       .body = body.dump()});
    EXPECT_TRUE(response.ok()) << response.status();
    EXPECT_LT(response->status, 300) << response->body;
    return json::parse(response->body, nullptr, false);
  }

  std::string MakeDroplet(const json& more = json::object(), const std::string& token = kToken) {
    json body = Droplet();
    body.update(more);
    return Post("/v2/droplets", body, token)["droplet"]["id"].dump();
  }

  static json Droplet() {
    return {{"name", "web"}, {"region", "lon1"}, {"size", "s-1vcpu-1gb"}, {"image", "ubuntu-24-04-x64"}};
  }

  Lost LostDroplet(const json& more = json::object()) {
    json planned = Droplet();
    planned.update(more);
    return {"digitalocean_droplet.this", "digitalocean_droplet", planned.dump(), clock_.Now()};
  }

  Lost LostOf(const std::string& type, const json& planned) {
    return {type + ".this", type, planned.dump(), clock_.Now()};
  }

  absl::StatusOr<std::vector<Found>> Find(const std::vector<Lost>& lost) {
    return finder_->Find(
        lost, [this](std::string_view name) { return environment_[std::string(name)]; },
        absl::Now() + absl::Seconds(20));
  }

  std::vector<std::string> Ids(const Lost& lost) {
    const auto found = Find({lost});
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? found->front().ids : std::vector<std::string>{"error"};
  }

  // 2026-01-15 00:00:00 UTC.
  core::ManualClock clock_{absl::FromUnixSeconds(1768435200)};
  http_client::Client client_{{.attempts_max = 1, .breaker_failures = 1000}};
  std::unique_ptr<sandbox::Sandbox> sandbox_;
  std::unique_ptr<Finder> finder_;
  std::map<std::string, std::string> environment_;
};

TEST_F(FinderTest, KnowsTheTypesThatCanBeLookedFor) {
  for (const char* type : {"digitalocean_droplet", "digitalocean_ssh_key", "digitalocean_tag", "digitalocean_vpc",
                           "digitalocean_project"}) {
    EXPECT_TRUE(finder_->Knows(type)) << type;
    EXPECT_GT(finder_->SettleTime(type), absl::ZeroDuration()) << type;
  }
  EXPECT_FALSE(finder_->Knows("digitalocean_volume"));
  EXPECT_EQ(Find({LostOf("digitalocean_volume", json::object())}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(FinderTest, FindsADropletByWhatWasPlanned) {
  MakeDroplet({{"name", "other"}});
  MakeDroplet({{"region", "fra1"}});
  MakeDroplet({{"ipv6", true}});
  MakeDroplet({{"tags", {"blue"}}});
  const std::string id = MakeDroplet({{"monitoring", true}});
  const Lost lost = LostDroplet(
      {{"monitoring", true}, {"ipv6", false}, {"tags", json::array()}, {"user_data", nullptr}, {"resize_disk", true}});
  EXPECT_THAT(Ids(lost), ElementsAre(id));
}

TEST_F(FinderTest, FindsADropletWhileItIsStillNew) {
  const std::string id = MakeDroplet();
  EXPECT_THAT(Ids(LostDroplet()), ElementsAre(id));
}

TEST_F(FinderTest, TakesAnImageByItsIdToo) {
  const std::string id = MakeDroplet();
  EXPECT_THAT(Ids(LostDroplet({{"image", "164544139"}})), ElementsAre(id));
}

TEST_F(FinderTest, GivesEveryMatchForAPersonToChoose) {
  const std::string first = MakeDroplet();
  const std::string second = MakeDroplet();
  EXPECT_THAT(Ids(LostDroplet()), ElementsAre(first, second));
}

TEST_F(FinderTest, LeavesAloneWhatWasMadeAtAnotherTime) {
  MakeDroplet();
  clock_.Advance(absl::Minutes(10));
  EXPECT_THAT(Ids(LostDroplet()), IsEmpty()) << "made long before the engine began";
  Lost early = LostDroplet();
  clock_.Advance(absl::Hours(3));
  MakeDroplet();
  EXPECT_THAT(Ids(early), IsEmpty()) << "made long after the engine began";
}

TEST_F(FinderTest, AllowsForClocksThatDiffer) {
  const std::string id = MakeDroplet();
  clock_.Advance(absl::Minutes(1));
  EXPECT_THAT(Ids(LostDroplet()), ElementsAre(id));
}

TEST_F(FinderTest, SeesNothingOfOtherAccounts) {
  MakeDroplet(json::object(), "dop_v1_theirs");
  EXPECT_THAT(Ids(LostDroplet()), IsEmpty());
}

TEST_F(FinderTest, ComparesPublicKeysWithoutTheirComments) {
  const json key = Post("/v2/account/keys", {{"name", "a"}, {"public_key", PublicKey(1) + " someone@somewhere"}});
  Post("/v2/account/keys", {{"name", "b"}, {"public_key", PublicKey(2)}});
  const std::string id = key["ssh_key"]["id"].dump();
  const auto planned = [](int number, const char* name) {
    return json{{"name", name}, {"public_key", "  " + PublicKey(number) + "   another comment\n"}};
  };
  EXPECT_THAT(Ids(LostOf("digitalocean_ssh_key", planned(1, "a"))), ElementsAre(id));
  EXPECT_THAT(Ids(LostOf("digitalocean_ssh_key", planned(3, "a"))), IsEmpty());
  EXPECT_THAT(Ids(LostOf("digitalocean_ssh_key", planned(1, "c"))), IsEmpty()) << "the key of another resource";
}

TEST_F(FinderTest, ReadsEveryPage) {
  std::vector<std::string> ids;
  for (int i = 0; i < 401; ++i) {
    const json key = Post("/v2/account/keys", {{"name", absl::StrCat("key-", i)}, {"public_key", PublicKey(i)}});
    ids.push_back(key["ssh_key"]["id"].dump());
  }
  std::vector<Lost> lost;
  for (const int i : {0, 199, 200, 399, 400}) {
    lost.push_back(LostOf("digitalocean_ssh_key", {{"name", absl::StrCat("key-", i)}, {"public_key", PublicKey(i)}}));
  }
  const auto found = Find(lost);
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_THAT(*found, SizeIs(5));
  EXPECT_THAT((*found)[1].ids, ElementsAre(ids[199]));
  EXPECT_THAT((*found)[2].ids, ElementsAre(ids[200]));
  EXPECT_THAT((*found)[4].ids, ElementsAre(ids[400]));
}

TEST_F(FinderTest, FindsTagsVpcsAndProjects) {
  Post("/v2/tags", {{"name", "Blue"}});
  const std::string vpc = Post("/v2/vpcs", {{"name", "net"}, {"region", "lon1"}})["vpc"]["id"];
  const std::string project = Post("/v2/projects", {{"name", "shop"}, {"purpose", "Selling"}})["project"]["id"];
  const auto found = Find({LostOf("digitalocean_tag", {{"name", "blue"}}),
                           LostOf("digitalocean_vpc", {{"name", "net"}, {"region", "lon1"}, {"description", ""}}),
                           LostOf("digitalocean_project", {{"name", "shop"}, {"purpose", "Selling"}})});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ((*found)[0].address, "digitalocean_tag.this");
  EXPECT_THAT((*found)[0].ids, ElementsAre("Blue"));
  EXPECT_THAT((*found)[1].ids, ElementsAre(vpc));
  EXPECT_THAT((*found)[2].ids, ElementsAre(project));
}

TEST_F(FinderTest, MatchesWhatTheRealProviderPlansWithWhatItAsksFor) {
  // `change.after` of provider 1.20.0 (what the engine does not know yet is left out), and the bodies that it sends.
  const std::string key = PublicKey(1) + " me@x";
  const std::vector<Lost> lost = {
      {"a", "digitalocean_droplet",
       R"({"backups": false, "image": "ubuntu-24-04-x64", "ipv6": true, "monitoring": true, "name": "web-1",
           "region": "lon1", "resize_disk": true, "size": "s-1vcpu-1gb", "ssh_keys": null, "user_data": null})",
       clock_.Now()},
      {"b", "digitalocean_project",
       R"({"description": null, "environment": "Development", "name": "proj", "purpose": "My own"})", clock_.Now()},
      {"c", "digitalocean_ssh_key", json{{"name", "me"}, {"public_key", key}}.dump(), clock_.Now()},
      {"d", "digitalocean_tag", R"({"name": "Blue"})", clock_.Now()},
      {"e", "digitalocean_vpc", R"({"description": null, "name": "net", "region": "lon1"})", clock_.Now()}};
  const std::string droplet = MakeDroplet({{"name", "web-1"},
                                           {"ssh_keys", json::array()},
                                           {"backups", false},
                                           {"ipv6", true},
                                           {"private_networking", false},
                                           {"monitoring", true},
                                           {"tags", json::array()}});
  const std::string project = Post(
      "/v2/projects",
      {{"name", "proj"}, {"description", ""}, {"purpose", "My own"}, {"environment", "Development"}})["project"]["id"];
  const std::string ssh_key = Post("/v2/account/keys", {{"name", "me"}, {"public_key", key}})["ssh_key"]["id"].dump();
  Post("/v2/tags", {{"name", "Blue"}});
  const std::string vpc = Post("/v2/vpcs", {{"name", "net"}, {"region", "lon1"}})["vpc"]["id"];
  const auto found = Find(lost);
  ASSERT_TRUE(found.ok()) << found.status();
  std::vector<std::vector<std::string>> ids;
  for (const Found& one : *found) ids.push_back(one.ids);
  EXPECT_THAT(ids, ElementsAre(ElementsAre(droplet), ElementsAre(project), ElementsAre(ssh_key), ElementsAre("Blue"),
                               ElementsAre(vpc)));
}

TEST_F(FinderTest, SaysAnErrorWheneverTheApiDoesNotAnswer) {
  MakeDroplet();
  for (const json& fault :
       {json{{"kind", "status"}, {"status", 429}, {"retry_after", "7"}}, json{{"kind", "status"}, {"status", 500}},
        json{{"kind", "status"}, {"status", 404}}, json{{"kind", "status"}, {"status", 301}},
        json{{"kind", "html"}, {"status", 200}}, json{{"kind", "truncated"}}, json{{"kind", "cut"}},
        json{{"kind", "drop"}}, json{{"kind", "garbage"}}, json{{"kind", "empty"}}}) {
    json body = fault;
    body["target"] = "digitalocean.read";
    body["count"] = 0;  // until it is cleared: a request on a kept connection is sent again by itself
    Post("/admin/faults", body);
    const auto found = Find({LostDroplet()});
    EXPECT_FALSE(found.ok()) << fault;
    EXPECT_THAT(std::string(found.status().message()), Not(HasSubstr(kToken)));
  }
  EXPECT_TRUE(client_.Fetch({.method = "DELETE", .url = sandbox_->base_url() + "/admin/faults"}).ok());
  EXPECT_TRUE(Find({LostDroplet()}).ok());
}

TEST_F(FinderTest, TellsWhatToTryAgainFromWhatToMend) {
  Post("/admin/faults", {{"target", "digitalocean.read"}, {"kind", "status"}, {"status", 503}});
  EXPECT_EQ(Find({LostDroplet()}).status().code(), absl::StatusCode::kUnavailable);
  environment_["DIGITALOCEAN_TOKEN"] = "revoked";
  EXPECT_EQ(Find({LostDroplet()}).status().code(), absl::StatusCode::kFailedPrecondition);
  environment_["DIGITALOCEAN_TOKEN"] = "";
  const absl::Status status = Find({LostDroplet()}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("DIGITALOCEAN_TOKEN"));
}

TEST_F(FinderTest, LooksForNothingByHalfAName) {
  const absl::Status status = Find({LostDroplet({{"name", nullptr}})}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("digitalocean_droplet.this"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("`name`"));
}

// A server that answers as it is told, page after page.
class ScriptedApi {
 public:
  explicit ScriptedApi(std::vector<json> pages) : pages_(std::move(pages)) {
    server_ = *http_server::Server::Start(*core::ParseAddress("127.0.0.1:0"), [this](const http_server::Request&) {
      http_server::Response response;
      response.body = pages_[calls_++ % pages_.size()].dump();
      return response;
    });
  }
  std::string url() const { return "http://" + server_->address(); }
  size_t calls() const { return calls_; }

 private:
  std::vector<json> pages_;
  std::atomic<size_t> calls_ = 0;
  std::unique_ptr<http_server::Server> server_;
};

json TagPage(const std::vector<std::string>& names, int total, bool more) {
  json tags = json::array();
  for (const std::string& name : names) tags.push_back({{"name", name}});
  return {{"tags", tags},
          {"meta", {{"total", total}}},
          {"links", more ? json{{"pages", {{"next", "x"}}}} : json::object()}};
}

TEST_F(FinderTest, MissesNothingThatMovesWhileItIsRead) {
  // Between the first two replies `a` goes and `e` comes: `c` moves to the first page, which has been read by then.
  ScriptedApi api(std::vector{TagPage({"a", "b"}, 4, true), TagPage({"d", "e"}, 4, false),  //
                              TagPage({"b", "c"}, 4, true), TagPage({"d", "e"}, 4, false),  //
                              TagPage({"b", "c"}, 4, true), TagPage({"d", "e"}, 4, false)});
  environment_["DIGITALOCEAN_API_URL"] = api.url();
  EXPECT_THAT(Ids(LostOf("digitalocean_tag", {{"name", "c"}})), ElementsAre("c"));
  EXPECT_EQ(api.calls(), 6u);
}

TEST_F(FinderTest, DoesNotTrustAListThatNeverAddsUp) {
  ScriptedApi api(std::vector{TagPage({"a", "b"}, 3, false)});
  environment_["DIGITALOCEAN_API_URL"] = api.url();
  EXPECT_EQ(Find({LostOf("digitalocean_tag", {{"name", "c"}})}).status().code(), absl::StatusCode::kUnavailable);
  ScriptedApi restless(std::vector{TagPage({"a", "b"}, 3, true), TagPage({"c"}, 3, false),  //
                                   TagPage({"a", "c"}, 3, true), TagPage({"b"}, 3, false)});
  environment_["DIGITALOCEAN_API_URL"] = restless.url();
  EXPECT_EQ(Find({LostOf("digitalocean_tag", {{"name", "d"}})}).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(FinderTest, DoesNotTrustAListOfAnotherShape) {
  for (const json& page : {json{{"tags", "none"}, {"meta", {{"total", 0}}}}, json{{"tags", json::array()}},
                           json::array(), json{{"tags", {{{"label", "x"}}}}, {"meta", {{"total", 1}}}}}) {
    ScriptedApi api(std::vector{page});
    environment_["DIGITALOCEAN_API_URL"] = api.url();
    EXPECT_EQ(Find({LostOf("digitalocean_tag", {{"name", "x"}})}).status().code(), absl::StatusCode::kInternal) << page;
  }
}

class FinderFiles : public testing::Test {
 protected:
  FinderFiles() : folder_(std::filesystem::temp_directory_path() / ("finders-" + core::RandomHex(8))) {
    std::filesystem::create_directory(folder_);
  }
  ~FinderFiles() override { std::filesystem::remove_all(folder_); }

  std::string LoadError(const std::string& yaml) {
    std::ofstream(folder_ / "x.yaml") << yaml;
    const auto finder = Finder::Load(folder_, &client_);
    return finder.ok() ? "" : finder.status().ToString();
  }

  static std::string Yaml(const std::string& extra,
                          const std::string& match = "{attribute: a, fields: [/a], required: true}") {
    return absl::StrCat("base_url: https://x\ntoken_variable: T\nresources:\n  - type: t\n    list: v2/t\n",
                        "    page_parameter: p\n    items: /t\n    next_page: /n\n    total: /c\n    import_id: /id\n",
                        "    settle_time: 5s\n", extra, "    match:\n      - ", match, "\n");
  }

  http_client::Client client_;
  const std::filesystem::path folder_;
};

TEST_F(FinderFiles, AreTakenWhenTheyAreWhole) { EXPECT_EQ(LoadError(Yaml("")), ""); }

TEST_F(FinderFiles, AreRefusedWithTheLineOfAnUnknownKey) {
  EXPECT_THAT(LoadError(Yaml("    settle_tme: 5s\n")), HasSubstr("x.yaml:12"));
  EXPECT_THAT(LoadError(Yaml("    creation: {field: /c, after: 90h}\n")), HasSubstr("x.yaml:12"));
}

TEST_F(FinderFiles, AreRefusedWhenAnythingWouldMatch) {
  EXPECT_THAT(LoadError(Yaml("", "{attribute: a, fields: [/a]}")), HasSubstr("required"));
  EXPECT_THAT(LoadError(Yaml("", "{attribute: a, fields: [], required: true}")), HasSubstr("pointers"));
  EXPECT_THAT(LoadError(Yaml("", "{attribute: a, fields: [a], required: true}")), HasSubstr("pointers"));
  EXPECT_THAT(LoadError(Yaml("", "{attribute: a, fields: [/~x], required: true}")), HasSubstr("pointers"));
  EXPECT_THAT(LoadError(Yaml("", "{attribute: a, fields: [/a], required: true, compare: COMPARE_CONTAINS}")),
              HasSubstr("element"));
}

TEST_F(FinderFiles, MayDescribeATypeOnce) {
  std::ofstream(folder_ / "y.yaml") << Yaml("");
  EXPECT_THAT(LoadError(Yaml("")), HasSubstr("described already"));
}

TEST_F(FinderFiles, MustBeThere) {
  EXPECT_EQ(Finder::Load(folder_ / "none", &client_).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace stratus::provisioning::engine
