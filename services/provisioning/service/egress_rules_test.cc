#include "services/provisioning/service/egress_rules.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

namespace stratus::provisioning::service {
namespace {

using testing::HasSubstr;

std::string PolicyOf(const EgressRules::Options& options, const std::map<std::string, std::string>& environment = {},
                     const std::string& tenant = "acme", const std::string& module = "droplet") {
  const auto rules = EgressRules::Load(options);
  EXPECT_TRUE(rules.ok()) << rules.status();
  return rules.ok() ? ToText(rules->For(tenant, module, environment)) : "";
}

class RulesFile {
 public:
  explicit RulesFile(const std::string& text) {
    close(mkstemp(path_.data()));
    std::ofstream(path_) << text;
  }
  ~RulesFile() { unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = testing::TempDir() + "/egress-XXXXXX";
};

TEST(EgressRules, ARunReachesNothingByItself) { EXPECT_EQ(PolicyOf({}), "door proxy\n"); }

TEST(EgressRules, ACredentialOpensItsProvider) {
  EXPECT_EQ(PolicyOf({}, {{"DIGITALOCEAN_TOKEN", "t"}}), "door proxy\nallow api.digitalocean.com:443\n");
  const std::string aws = PolicyOf({}, {{"AWS_ACCESS_KEY_ID", "k"}, {"AWS_REGION", "eu-west-1"}});
  EXPECT_THAT(aws, HasSubstr("allow *.eu-west-1.amazonaws.com:443\n"));
  EXPECT_THAT(aws, HasSubstr("allow sts.amazonaws.com:443\n"));
}

TEST(EgressRules, ARegionMakesNoOtherName) {
  for (const char* region : {"compute-1", "compute", "x.evil", "", "eu-west-1.evil", "*", "eu--1x", "eu-1"}) {
    const std::string policy = PolicyOf({}, {{"AWS_ACCESS_KEY_ID", "k"}, {"AWS_REGION", region}});
    EXPECT_THAT(policy, testing::Not(HasSubstr("*.compute"))) << region;
    EXPECT_THAT(policy, testing::Not(HasSubstr("evil"))) << region;
    EXPECT_THAT(policy, testing::Not(HasSubstr("allow *.eu"))) << region;
  }
}

TEST(EgressRules, AnAddressOfAnApiCountsOnlyWhenTheOperatorHasSetIt) {
  const std::map<std::string, std::string> run = {{"DIGITALOCEAN_TOKEN", "t"},
                                                  {"DIGITALOCEAN_API_URL", "https://do.corp.example:8443/v2"}};
  EXPECT_EQ(PolicyOf({.allow = {}, .networks = {}, .file = "", .api_addresses = {}, .sandbox_url = ""}, run),
            "door proxy\n");
  EgressRules::Options options;
  options.api_addresses = {{"DIGITALOCEAN_API_URL", "https://do.corp.example:8443/v2"}};
  EXPECT_EQ(PolicyOf(options, run), "door proxy\nallow do.corp.example:8443\n");
}

TEST(EgressRules, TheSandboxHasADoorOfItsOwn) {
  EgressRules::Options options;
  options.sandbox_url = "http://127.0.0.1:8090";
  EXPECT_EQ(PolicyOf(options), "door proxy\ndoor forward 127.0.0.1:8090\n");
  options.sandbox_url = "http://sandbox.example:8090";
  EXPECT_EQ(EgressRules::Load(options).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(EgressRules, ListsAreForEveryoneForAModuleOrForATenant) {
  const RulesFile file(
      "all: {allow: [registry.example.com]}\n"
      "modules: {droplet: {allow: ['*.module.example.com:8443']}}\n"
      "tenants: {acme: {allow: [acme.example.com], networks: [10.20.0.0/16]}}\n");
  EgressRules::Options options;
  options.allow = {"flag.example.com"};
  options.networks = {"fd00:1::/32"};
  options.file = file.path();
  EXPECT_EQ(PolicyOf(options, {}, "acme", "droplet"),
            "door proxy\nallow flag.example.com\nallow registry.example.com\nallow *.module.example.com:8443\n"
            "allow acme.example.com\nnetwork fd00:1::/32\nnetwork 10.20.0.0/16\n");
  EXPECT_EQ(PolicyOf(options, {}, "other", "note"),
            "door proxy\nallow flag.example.com\nallow registry.example.com\nnetwork fd00:1::/32\n");
}

TEST(EgressRules, RefusesWhatItCannotReadAndSaysWhere) {
  EgressRules::Options options;
  options.allow = {"http://a.com"};
  EXPECT_THAT(std::string(EgressRules::Load(options).status().message()),
              HasSubstr("`http://a.com` is no host to allow"));
  options.allow = {};
  options.networks = {"10.0.0.1/8"};
  EXPECT_THAT(std::string(EgressRules::Load(options).status().message()), HasSubstr("`10.0.0.1/8` is no network"));
  const RulesFile file("tenants: {acme: {allow: ['a b']}}\n");
  options.networks = {};
  options.file = file.path();
  EXPECT_THAT(std::string(EgressRules::Load(options).status().message()), HasSubstr(": tenants.acme: `a b`"));
  const RulesFile unknown("alow: []\n");
  options.file = unknown.path();
  EXPECT_EQ(EgressRules::Load(options).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace stratus::provisioning::service
