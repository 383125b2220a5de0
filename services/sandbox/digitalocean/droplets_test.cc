#include "services/sandbox/digitalocean/droplets.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/sandbox/digitalocean/fixture.h"

namespace stratus::sandbox::digitalocean {
namespace {

class Droplets : public DigitalOceanTest {
 protected:
  Json Droplet(const std::string& id) { return Ask("droplets/" + id).json["droplet"]; }

  Reply Act(const std::string& id, const Json& action) { return Call("POST", "droplets/" + id + "/actions", action); }

  std::string Refusal(const Json& change) {
    Json body = DropletBody();
    body.update(change);
    const Reply reply = Call("POST", "droplets", body);
    EXPECT_EQ(reply.status, 422) << reply.body;
    EXPECT_EQ(reply.json["id"], "unprocessable_entity");
    return reply.json["message"];
  }
};

TEST_F(Droplets, AreNewUntilTheyHaveBooted) {
  Json body = DropletBody();
  body.update({{"ipv6", true}, {"monitoring", true}, {"what_nobody_knows", 1}});
  const Reply created = Call("POST", "droplets", body);
  EXPECT_EQ(created.status, 202);
  EXPECT_EQ(created.json["droplet"]["status"], "new");
  EXPECT_EQ(created.json["droplet"]["locked"], true);
  EXPECT_EQ(created.json["droplet"]["networks"]["v4"], Json::array());
  const std::string action = created.json["links"]["actions"][0]["id"].dump();
  EXPECT_EQ(Ask("actions/" + action).json["action"]["status"], "in-progress");

  clock_.Advance(absl::Seconds(2));
  const Json droplet = Droplet(created.json["droplet"]["id"].dump());
  EXPECT_EQ(droplet["status"], "active");
  EXPECT_EQ(droplet["locked"], false);
  EXPECT_EQ(droplet["networks"]["v4"].size(), 2u) << "a private address and a public one";
  EXPECT_EQ(droplet["networks"]["v6"].size(), 1u);
  EXPECT_EQ(droplet["created_at"], "2026-01-15T00:00:00Z");
  EXPECT_EQ(droplet["size_slug"], "s-1vcpu-1gb");
  EXPECT_EQ(droplet["features"], Json({"monitoring", "droplet_agent", "ipv6", "private_networking"}));
  const Json done = Ask("actions/" + action).json["action"];
  EXPECT_EQ(done["status"], "completed");
  EXPECT_EQ(done["type"], "create");
  EXPECT_EQ(done["completed_at"], "2026-01-15T00:00:02Z");
}

TEST_F(Droplets, HaveAddressesOfTheirOwn) {
  const std::string a = MakeDroplet();
  const std::string b = MakeActiveDroplet();
  EXPECT_NE(Droplet(a)["networks"]["v4"], Droplet(b)["networks"]["v4"]);
}

TEST_F(Droplets, AreRefusedInTheApisWords) {
  EXPECT_EQ(Refusal({{"region", "mars1"}}), "You specified an invalid region for Droplet creation.");
  EXPECT_EQ(Refusal({{"size", "huge"}}), "You specified an invalid size for Droplet creation.");
  EXPECT_EQ(Refusal({{"size", nullptr}}), "You specified an invalid size for Droplet creation.");
  EXPECT_EQ(Refusal({{"image", "beos"}}), "You specified an invalid image for Droplet creation.");
  EXPECT_EQ(Refusal({{"image", 1}}), "You specified an invalid image for Droplet creation.");
  for (const char* name : {"", "a_b", "-a", "a b", "\xc3\xa4"}) {
    EXPECT_EQ(Refusal({{"name", name}}), "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)");
  }
  EXPECT_EQ(Refusal({{"ssh_keys", {7, "3b:16"}}}), "7, 3b:16 are invalid key identifiers for Droplet creation.");
  EXPECT_EQ(Refusal({{"ipv6", "yes"}}), "ipv6 must be a boolean");
  EXPECT_EQ(Refusal({{"name", 5}}), "name must be a string");
  Refusal({{"tags", {"no spaces"}}});
  Refusal({{"vpc_uuid", "nowhere"}});
  Refusal({{"names", {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"}}});
  EXPECT_EQ(Ask("droplets").json["meta"]["total"], 0);
  EXPECT_EQ(Ask("tags").json["meta"]["total"], 0) << "a refused droplet leaves no tags";
}

TEST_F(Droplets, TakeSlugsInAnyCaseAndImagesById) {
  const std::string id = MakeDroplet({{"region", "LON1"}, {"image", 159651797}});
  EXPECT_EQ(Droplet(id)["region"]["slug"], "lon1");
  EXPECT_EQ(Droplet(id)["image"]["slug"], "debian-12-x64");
}

TEST_F(Droplets, AreMadeSeveralAtATime) {
  Json body = DropletBody();
  body.erase("name");
  body["names"] = {"a", "b"};
  const Reply reply = Call("POST", "droplets", body);
  EXPECT_EQ(reply.status, 202);
  EXPECT_EQ(reply.json["droplets"].size(), 2u);
  EXPECT_EQ(reply.json["links"]["actions"].size(), 2u);
}

TEST_F(Droplets, AreListedByTagOrName) {
  const std::string id = MakeDroplet({{"tags", {"Blue"}}});
  MakeDroplet({{"name", "other"}});
  EXPECT_EQ(Ask("droplets?tag_name=blue").json["droplets"][0]["id"].dump(), id);
  EXPECT_EQ(Ask("droplets?tag_name=blue").json["meta"]["total"], 1);
  EXPECT_EQ(Ask("droplets?tag_name=red").json["meta"]["total"], 0);
  EXPECT_EQ(Ask("droplets?name=other").json["meta"]["total"], 1);
  EXPECT_EQ(Ask("droplets?name=oth").json["meta"]["total"], 0);
  EXPECT_EQ(Ask("droplets?name=a&tag_name=b").status, 422);
}

TEST_F(Droplets, AreDeletedWhenNothingIsPending) {
  const std::string id = MakeDroplet();
  const Reply early = Call("DELETE", "droplets/" + id);
  EXPECT_EQ(early.status, 422);
  EXPECT_EQ(early.json["message"], "Droplet already has a pending event.");
  clock_.Advance(absl::Seconds(2));
  const Reply deleted = Call("DELETE", "droplets/" + id);
  EXPECT_EQ(deleted.status, 204);
  EXPECT_EQ(deleted.body, "");
  EXPECT_EQ(Ask("droplets/" + id).status, 404);
  EXPECT_EQ(Call("DELETE", "droplets/" + id).status, 404);
  EXPECT_EQ(Ask("droplets/0").status, 404);
  EXPECT_EQ(Ask("droplets/x").status, 404);
}

TEST_F(Droplets, AreDeletedByTag) {
  MakeDroplet({{"tags", {"blue"}}});
  EXPECT_EQ(Call("DELETE", "droplets?tag_name=blue").status, 422) << "one is new";
  MakeActiveDroplet();
  EXPECT_EQ(Call("DELETE", "droplets?tag_name=blue").status, 204);
  EXPECT_EQ(Ask("droplets").json["meta"]["total"], 1);
  EXPECT_EQ(Call("DELETE", "droplets").status, 422) << "not all of them by mistake";
}

TEST_F(Droplets, StayNewWhenStuckUntilTheyAreReleased) {
  EXPECT_EQ(PostJson("/admin/faults", {{"target", "digitalocean.boot"}, {"kind", "stuck"}}).status, 200);
  const std::string stuck = MakeDroplet();
  const std::string fine = MakeActiveDroplet();
  clock_.Advance(absl::Hours(24));
  EXPECT_EQ(Droplet(stuck)["status"], "new");
  EXPECT_EQ(Droplet(fine)["status"], "active");
  EXPECT_EQ(PostJson("/admin/digitalocean", {{"release_stuck", true}}).status, 200);
  EXPECT_EQ(Droplet(stuck)["status"], "active");
}

TEST_F(Droplets, AreResizedWhenTheyAreOff) {
  const std::string id = MakeActiveDroplet();
  const Json resize = {{"type", "resize"}, {"size", "s-2vcpu-4gb"}, {"disk", false}};
  EXPECT_EQ(Act(id, resize).status, 422);
  EXPECT_EQ(Act(id, {{"type", "power_on"}}).json["message"], "Droplet is already powered on.");
  EXPECT_EQ(Act(id, {{"type", "power_off"}}).status, 201);
  EXPECT_EQ(Droplet(id)["status"], "off");
  EXPECT_EQ(Act(id, {{"type", "power_off"}}).json["message"], "Droplet is already powered off.");
  EXPECT_EQ(Act(id, resize).json["action"]["status"], "completed");
  EXPECT_EQ(Droplet(id)["size_slug"], "s-2vcpu-4gb");
  EXPECT_EQ(Droplet(id)["disk"], 25) << "the disk was to stay";
  EXPECT_EQ(Act(id, {{"type", "resize"}, {"size", "s-1vcpu-2gb"}, {"disk", true}}).status, 201);
  EXPECT_EQ(Droplet(id)["disk"], 50);
  EXPECT_EQ(Act(id, {{"type", "resize"}, {"size", "s-1vcpu-1gb"}}).status, 422) << "a smaller disk";
  EXPECT_EQ(Act(id, {{"type", "power_on"}}).status, 201);
  EXPECT_EQ(Droplet(id)["status"], "active");
}

TEST_F(Droplets, AreChangedByActions) {
  const std::string fresh = MakeDroplet();
  EXPECT_EQ(Act(fresh, {{"type", "reboot"}}).status, 422) << "its creation is pending";
  clock_.Advance(absl::Seconds(2));
  EXPECT_EQ(Act(fresh, {{"type", "rename"}, {"name", "a_b"}}).status, 422);
  EXPECT_EQ(Act(fresh, {{"type", "rename"}, {"name", "b"}}).status, 201);
  EXPECT_EQ(Act(fresh, {{"type", "enable_ipv6"}}).status, 201);
  EXPECT_EQ(Act(fresh, {{"type", "enable_backups"}}).status, 201);
  EXPECT_EQ(Droplet(fresh)["name"], "b");
  EXPECT_EQ(Droplet(fresh)["features"], Json({"backups", "droplet_agent", "ipv6", "private_networking"}));
  EXPECT_EQ(Act(fresh, {{"type", "disable_backups"}}).status, 201);
  EXPECT_EQ(Act(fresh, {{"type", "fly"}}).status, 422);
  EXPECT_EQ(Act("1", {{"type", "reboot"}}).status, 404);
  const Json actions = Ask("droplets/" + fresh + "/actions").json["actions"];
  ASSERT_EQ(actions.size(), 5u);
  EXPECT_EQ(actions[0]["type"], "disable_backups") << "the newest first";
  EXPECT_EQ(Ask("droplets/" + fresh + "/actions/" + actions[0]["id"].dump()).status, 200);
  EXPECT_EQ(Ask("droplets/1/actions/" + actions[0]["id"].dump()).status, 404);
}

}  // namespace
}  // namespace stratus::sandbox::digitalocean
