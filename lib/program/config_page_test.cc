#include "lib/program/config_page.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"
#include "stratus/config/v1/gateway.pb.h"

namespace stratus::program {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

constexpr char kSecret[] = "s3cr3t-0123456789abcdef";

class ConfigPageTest : public ::testing::Test {
 protected:
  ConfigPage Parse(const std::vector<std::string>& arguments) {
    app_.add_option("--listen", listen_)->capture_default_str();
    app_.add_option("--upstream", upstreams_);
    app_.add_flag("--reflection", reflection_);
    app_.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    return {"stratus-gateway", "1.2.3", app_};
  }

  CLI::App app_;
  std::string listen_ = "127.0.0.1:8080";
  std::vector<std::string> upstreams_;
  bool reflection_ = false;
};

TEST_F(ConfigPageTest, ShowsFlagsAsTheyWork) {
  const ConfigPage page = Parse({"--upstream=a:1", "--upstream=b:2", "--reflection"});
  const Json json = Json::parse(page.Json());
  EXPECT_EQ(json["program"], "stratus-gateway");
  EXPECT_EQ(json["version"], "1.2.3");
  EXPECT_EQ(json["flags"]["--listen"], "127.0.0.1:8080");
  EXPECT_EQ(json["flags"]["--upstream"], "a:1,b:2");
  EXPECT_EQ(json["flags"]["--reflection"], "true");
  EXPECT_FALSE(json["flags"].contains("--help"));
}

TEST_F(ConfigPageTest, ShowsOfTheEnvironmentNamesAlone) {
  const ConfigPage page = Parse({});
  const Environment environment = page.Noting([](std::string_view name) -> std::optional<std::string> {
    if (name == "OPEN_WEATHER_API_KEY") return kSecret;
    if (name == "DATABASE_URL") return "";
    return std::nullopt;
  });
  EXPECT_EQ(environment("OPEN_WEATHER_API_KEY"), kSecret);
  environment("DATABASE_URL");
  environment("REDIS_URL");
  const Json json = Json::parse(page.Json());
  EXPECT_EQ(json["environment"],
            Json({{"OPEN_WEATHER_API_KEY", "set"}, {"DATABASE_URL", "unset"}, {"REDIS_URL", "unset"}}));
  EXPECT_THAT(page.Json(), Not(HasSubstr(kSecret)));
}

TEST_F(ConfigPageTest, BlotsOutASecretThatSomeonePutIntoAFlag) {
  const ConfigPage page = Parse({std::string("--listen=https://user:") + kSecret + "@host/?token=" + kSecret});
  EXPECT_THAT(page.Json(), Not(HasSubstr(kSecret)));
  EXPECT_EQ(Json::parse(page.Json())["flags"]["--reflection"], "false");
}

TEST_F(ConfigPageTest, HasTheSectionsThatWereAdded) {
  ConfigPage page = Parse({});
  page.AddSection("gateway", R"({"limits":{"connectionsMax":5}})");
  EXPECT_EQ(Json::parse(page.Json())["gateway"]["limits"]["connectionsMax"], 5);
}

// Who adds a field to the configuration has to think about /config: a secret belongs into a file that is named here.
TEST(GatewayConfiguration, HasNoFieldForASecret) {
  std::set<const google::protobuf::Descriptor*> seen;
  std::vector<const google::protobuf::Descriptor*> open = {config::v1::Gateway::descriptor()};
  while (!open.empty()) {
    const google::protobuf::Descriptor* message = open.back();
    open.pop_back();
    if (!seen.insert(message).second) continue;
    for (int i = 0; i < message->field_count(); ++i) {
      const google::protobuf::FieldDescriptor& field = *message->field(i);
      if (field.message_type() != nullptr) open.push_back(field.message_type());
      const bool holds_text = field.cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_STRING;
      if (!holds_text || absl::EndsWith(field.name(), "_file")) continue;
      for (const char* word : {"secret", "password", "token", "key", "credential", "passphrase"}) {
        EXPECT_THAT(field.name(), Not(HasSubstr(word))) << field.full_name();
      }
    }
  }
  EXPECT_GT(seen.size(), 10u);
}

}  // namespace
}  // namespace stratus::program
