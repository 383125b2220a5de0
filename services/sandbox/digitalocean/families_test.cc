// SSH keys, tags, VPCs and projects.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/sandbox/digitalocean/fixture.h"
#include "services/sandbox/digitalocean/ssh_public_key.h"

namespace stratus::sandbox::digitalocean {
namespace {

using testing::HasSubstr;

// Made by ssh-keygen; the fingerprints by `ssh-keygen -l -E md5`.
constexpr char kEd25519[] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILoUUucry1KvVRgbzSj5of1udYAxXBRGnQuvGpuC2/wA me@x";
constexpr char kEd25519Fingerprint[] = "09:09:79:a0:cf:ea:cf:92:c5:ac:d5:47:8c:2a:c8:4f";

TEST(SshPublicKeys, HaveTheFingerprintsOfOpenSsh) {
  const auto key = ParseSshPublicKey(kEd25519);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->type, "ssh-ed25519");
  EXPECT_EQ(key->fingerprint, kEd25519Fingerprint);
}

TEST(SshPublicKeys, AreRefusedWhenTheyAreNone) {
  for (const char* text :
       {"", "ssh-ed25519", "ssh-ed25519 !!!!", "ssh-ed25519 AAAA", "ssh-rsa AAAAB3NzaC1yc2E=",
        "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAILoUUucry1KvVRgbzSj5of1udYAxXBRGnQuvGpuC2/wA",  // says another type inside
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILoUUucry1KvVRgbzSj5of1udYAxXBRGnQuvGpuC2/w=",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5\nAAAAILoUUucry1KvVRgbzSj5of1udYAxXBRGnQuvGpuC2/wA"}) {
    const auto key = ParseSshPublicKey(text);
    EXPECT_THAT(std::string(key.status().message()), HasSubstr("Key invalid, key should be of the format")) << text;
  }
  EXPECT_THAT(std::string(ParseSshPublicKey("ssh-dsa2 AAAA").status().message()),
              HasSubstr("Key invalid type, we support 'ssh-rsa'"));
  EXPECT_THAT(std::string(ParseSshPublicKey("---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n").status().message()),
              HasSubstr("Key invalid type"));
}

class Keys : public DigitalOceanTest {};

TEST_F(Keys, AreFoundByIdAndByFingerprint) {
  const Reply created = Call("POST", "account/keys", {{"name", "k"}, {"public_key", std::string(kEd25519) + "\n"}});
  EXPECT_EQ(created.status, 201);
  const Json key = created.json["ssh_key"];
  EXPECT_EQ(key["public_key"], kEd25519) << "as given, comment and all, without the space around it";
  EXPECT_EQ(key["fingerprint"], kEd25519Fingerprint);
  EXPECT_EQ(Ask("account/keys/" + key["id"].dump()).json["ssh_key"], key);
  EXPECT_EQ(Ask(std::string("account/keys/") + kEd25519Fingerprint).json["ssh_key"], key);
  EXPECT_EQ(Ask("account/keys").json["ssh_keys"][0], key);
  EXPECT_EQ(Call("PUT", "account/keys/" + key["id"].dump(), {{"name", "new"}}).json["ssh_key"]["name"], "new");
  EXPECT_EQ(Call("PUT", "account/keys/" + key["id"].dump(), {{"name", ""}}).status, 422);
  EXPECT_EQ(Call("DELETE", std::string("account/keys/") + kEd25519Fingerprint).status, 204);
  EXPECT_EQ(Ask("account/keys/" + key["id"].dump()).status, 404);
  EXPECT_EQ(Call("DELETE", "account/keys/" + key["id"].dump()).status, 404);
}

TEST_F(Keys, AreOneOfAKindInAnAccount) {
  EXPECT_EQ(Call("POST", "account/keys", {{"name", "a"}, {"public_key", PublicKey('1')}}).status, 201);
  const Reply again = Call("POST", "account/keys", {{"name", "b"}, {"public_key", PublicKey('1') + " other comment"}});
  EXPECT_EQ(again.status, 422);
  EXPECT_EQ(again.json["message"], "SSH Key is already in use on your account");
  EXPECT_EQ(Call("POST", "account/keys", {{"name", "a"}, {"public_key", PublicKey('1')}}, "dop_v1_b").status, 201);
  EXPECT_EQ(Call("POST", "account/keys", {{"name", " "}, {"public_key", PublicKey('2')}}).status, 422);
  EXPECT_EQ(Call("POST", "account/keys", {{"name", "b"}}).status, 422);
}

TEST_F(Keys, GoIntoDropletsByIdAndByFingerprint) {
  const Json key = Call("POST", "account/keys", {{"name", "k"}, {"public_key", kEd25519}}).json["ssh_key"];
  MakeDroplet({{"ssh_keys", {key["id"], kEd25519Fingerprint, key["id"].dump()}}});
}

class Tags : public DigitalOceanTest {};

TEST_F(Tags, AreTheSameInAnyCase) {
  EXPECT_EQ(Call("POST", "tags", {{"name", "Blue:1"}}).status, 201);
  EXPECT_EQ(Call("POST", "tags", {{"name", "BLUE:1"}}).json["tag"]["name"], "Blue:1") << "there already";
  EXPECT_EQ(Ask("tags").json["meta"]["total"], 1);
  EXPECT_EQ(Ask("tags/blue:1").json["tag"]["name"], "Blue:1");
  for (const char* name : {"", "a b", "a.b", "\xc3\xa4"}) {
    EXPECT_EQ(Call("POST", "tags", {{"name", name}}).status, 422) << name;
  }
  EXPECT_EQ(Call("POST", "tags", {{"name", std::string(256, 'x')}}).status, 422);
}

TEST_F(Tags, CountWhatTheyAreOn) {
  const std::string id = MakeDroplet({{"tags", {"blue"}}});
  Json resources = Ask("tags/blue").json["tag"]["resources"];
  EXPECT_EQ(resources["count"], 1);
  EXPECT_EQ(resources["droplets"]["count"], 1);
  EXPECT_EQ(resources["images"]["count"], 0);
  const Json body = {{"resources", {{{"resource_id", id}, {"resource_type", "droplet"}}}}};
  EXPECT_EQ(Call("DELETE", "tags/blue/resources", body).status, 204);
  EXPECT_EQ(Ask("tags/blue").json["tag"]["resources"]["count"], 0);
  EXPECT_EQ(Call("POST", "tags/blue/resources", body).status, 204);
  EXPECT_EQ(Ask("droplets/" + id).json["droplet"]["tags"], Json({"blue"}));
  EXPECT_EQ(Call("POST", "tags/red/resources", body).status, 404);
  EXPECT_EQ(Call("POST", "tags/blue/resources", Json::object()).status, 422);
  EXPECT_EQ(Call("DELETE", "tags/blue").status, 204);
  EXPECT_EQ(Ask("droplets/" + id).json["droplet"]["tags"], Json::array());
}

class Vpcs : public DigitalOceanTest {
 protected:
  Reply Make(const Json& more = Json::object()) {
    Json body = {{"name", "net"}, {"region", "lon1"}};
    body.update(more);
    return Call("POST", "vpcs", body);
  }
};

TEST_F(Vpcs, HaveARangeOfTheirOwn) {
  const Reply created = Make({{"ip_range", "10.10.10.77/24"}, {"description", "d"}});
  EXPECT_EQ(created.status, 201) << created.body;
  const Json vpc = created.json["vpc"];
  EXPECT_EQ(vpc["ip_range"], "10.10.10.0/24");
  EXPECT_EQ(vpc["default"], false);
  EXPECT_EQ(vpc["urn"], "do:vpc:" + vpc["id"].get<std::string>());
  const Reply overlap = Make({{"name", "b"}, {"ip_range", "10.10.0.0/16"}});
  EXPECT_EQ(overlap.status, 422);
  EXPECT_THAT(overlap.json["message"].get<std::string>(), HasSubstr("overlaps with another VPC network"));
  EXPECT_NE(Make({{"name", "c"}}).json["vpc"]["ip_range"], Make({{"name", "d"}}).json["vpc"]["ip_range"]);
  for (const char* range :
       {"8.8.8.0/24", "10.0.0.0/8", "10.0.0.0/29", "10.0.0.0", "x/24", "10.0.0.0/y", "172.32.0.0/16"}) {
    EXPECT_EQ(Make({{"name", "e"}, {"ip_range", range}}).status, 422) << range;
  }
}

TEST_F(Vpcs, HaveANameOfTheirOwn) {
  EXPECT_EQ(Make().status, 201);
  EXPECT_EQ(Make().status, 409);
  EXPECT_EQ(Make({{"name", "a_b"}}).status, 422);
  EXPECT_EQ(Make({{"name", "b"}, {"region", "mars1"}}).status, 422);
}

TEST_F(Vpcs, AreChangedInPartOrInWhole) {
  const std::string id = Make({{"description", "d"}}).json["vpc"]["id"];
  EXPECT_EQ(Call("PATCH", "vpcs/" + id, {{"name", "b"}}).json["vpc"]["description"], "d");
  EXPECT_EQ(Call("PUT", "vpcs/" + id, {{"name", "c"}}).json["vpc"]["description"], "");
  EXPECT_EQ(Call("PUT", "vpcs/nowhere", {{"name", "c"}}).status, 404);
  EXPECT_EQ(Call("PATCH", "vpcs/" + id, {{"name", "default-lon1"}}).status, 409);
}

TEST_F(Vpcs, AreDeletedWhenNothingIsInThem) {
  const std::string id = Make().json["vpc"]["id"];
  const std::string droplet = MakeActiveDroplet({{"vpc_uuid", id}});
  EXPECT_EQ(Ask("vpcs/" + id + "/members").json["members"][0]["urn"], "do:droplet:" + droplet);
  const Reply busy = Call("DELETE", "vpcs/" + id);
  EXPECT_EQ(busy.status, 409);
  EXPECT_EQ(busy.json["message"], "Can not delete VPC with members");
  EXPECT_EQ(Call("DELETE", "droplets/" + droplet).status, 204);
  EXPECT_EQ(Call("DELETE", "vpcs/" + id).status, 204);
  EXPECT_EQ(Ask("vpcs/" + id).status, 404);
}

TEST_F(Vpcs, OfADropletIsTheDefaultOneWhereNoneIsNamed) {
  const std::string droplet = MakeDroplet();
  const Json vpcs = Ask("vpcs").json["vpcs"];
  ASSERT_EQ(vpcs.size(), 1u);
  EXPECT_EQ(vpcs[0]["name"], "default-lon1");
  EXPECT_EQ(vpcs[0]["default"], true);
  EXPECT_EQ(Ask("droplets/" + droplet).json["droplet"]["vpc_uuid"], vpcs[0]["id"]);
  EXPECT_EQ(Call("DELETE", "vpcs/" + vpcs[0]["id"].get<std::string>()).status, 403);
}

class Projects : public DigitalOceanTest {
 protected:
  Reply Make(const Json& more = Json::object()) {
    Json body = {{"name", "shop"}, {"purpose", "Web Application"}};
    body.update(more);
    return Call("POST", "projects", body);
  }
};

TEST_F(Projects, KeepPurposesOfOnesOwnWithAPrefix) {
  EXPECT_EQ(Make({{"environment", "staging"}}).json["project"]["environment"], "Staging");
  EXPECT_EQ(Make({{"name", "b"}, {"purpose", "Selling"}}).json["project"]["purpose"], "Other: Selling");
  EXPECT_EQ(Make().status, 409);
  EXPECT_EQ(Make({{"name", ""}}).status, 400);
  EXPECT_EQ(Make({{"name", "c"}, {"purpose", ""}}).status, 400);
  EXPECT_EQ(Make({{"name", "c"}, {"environment", "moon"}}).status, 400);
  EXPECT_EQ(Make({{"name", std::string(176, 'x')}}).status, 400);
}

TEST_F(Projects, HoldWhatIsAssignedToThem) {
  const std::string urn = "do:droplet:" + MakeActiveDroplet();
  const std::string id = Make().json["project"]["id"];
  EXPECT_EQ(Ask("projects/default/resources").json["resources"][0]["urn"], urn);
  EXPECT_EQ(Call("POST", "projects/" + id + "/resources", {{"resources", {urn}}}).json["resources"][0]["status"],
            "assigned");
  EXPECT_EQ(Ask("projects/default/resources").json["meta"]["total"], 0);
  EXPECT_EQ(Ask("projects/" + id + "/resources").json["resources"][0]["urn"], urn);
  const Reply full = Call("DELETE", "projects/" + id);
  EXPECT_EQ(full.status, 412);
  EXPECT_EQ(full.json["message"], "cannot delete a project with resources. move or remove the resources first");
  EXPECT_EQ(Call("POST", "projects/default/resources", {{"resources", {urn}}}).status, 200);
  EXPECT_EQ(Call("DELETE", "projects/" + id).status, 204);
  EXPECT_EQ(Call("POST", "projects/default/resources", {{"resources", {"do:vpc:1"}}}).status, 400);
  EXPECT_EQ(Call("POST", "projects/default/resources", {{"resources", {"do:droplet:1"}}}).status, 404);
}

TEST_F(Projects, ForgetADropletThatIsDeleted) {
  const std::string droplet = MakeActiveDroplet();
  const std::string id = Make().json["project"]["id"];
  Call("POST", "projects/" + id + "/resources", {{"resources", {"do:droplet:" + droplet}}});
  EXPECT_EQ(Call("DELETE", "droplets/" + droplet).status, 204);
  EXPECT_EQ(Ask("projects/" + id + "/resources").json["meta"]["total"], 0);
  EXPECT_EQ(Call("DELETE", "projects/" + id).status, 204);
}

TEST_F(Projects, HaveOneDefault) {
  const std::string id = Make().json["project"]["id"];
  EXPECT_EQ(Call("DELETE", "projects/default").status, 412);
  EXPECT_EQ(Call("PATCH", "projects/" + id, {{"is_default", true}, {"description", "d"}}).status, 200);
  const Json project = Ask("projects/default").json["project"];
  EXPECT_EQ(project["id"], id);
  EXPECT_EQ(project["description"], "d");
  EXPECT_EQ(project["name"], "shop") << "what is left out stays";
  EXPECT_EQ(Call("PATCH", "projects/" + id, {{"name", "first-project"}}).status, 409);
  EXPECT_EQ(Ask("projects/nowhere").status, 404);
}

}  // namespace
}  // namespace stratus::sandbox::digitalocean
