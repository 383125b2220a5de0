#include "services/provisioning/engine/catalog.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "lib/core/status.h"
#include "services/provisioning/engine/files.h"
#include "services/provisioning/engine/testing/engine_fixture.h"

namespace stratus::provisioning::engine {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::unique_ptr<Catalog> LoadCatalog(const std::string& folder) {
  auto catalog = Catalog::Load({.modules_dir = folder, .hcl_reader = HclReaderPath()});
  EXPECT_TRUE(catalog.ok()) << catalog.status();
  return *std::move(catalog);
}

absl::Status LoadError(const std::string& folder) {
  return Catalog::Load({.modules_dir = folder, .hcl_reader = HclReaderPath()}).status();
}

json SchemaOf(const ModuleEntry& module) {
  std::string text;
  EXPECT_TRUE(google::protobuf::util::MessageToJsonString(module.module.variables_schema(), &text).ok());
  return json::parse(text);
}

std::string TestData(const std::string& folder) { return TestModulesFolder() + "/../" + folder; }

TEST(Catalog, ReadsTheModulesThatShip) {
  const auto catalog = LoadCatalog(ModulesFolder());
  std::vector<std::string> names;
  for (const auto& [name, entry] : catalog->modules()) names.push_back(name);
  EXPECT_THAT(names, ElementsAre("droplet", "fleet", "note"));
}

TEST(Catalog, DropletTakesAndGivesWhatItAlwaysDid) {
  const auto catalog = LoadCatalog(ModulesFolder());
  const ModuleEntry& droplet = **catalog->Find("droplet");
  EXPECT_EQ(droplet.module.name(), "modules/droplet");
  EXPECT_EQ(droplet.module.version(), "1");
  EXPECT_EQ(droplet.module.description(),
            "One DigitalOcean droplet: a virtual machine from an image, in a region, of a size.");
  EXPECT_THAT(droplet.module.providers(), ElementsAre(HasSubstr("/digitalocean/digitalocean")));
  const json schema = SchemaOf(droplet);
  EXPECT_EQ(schema["required"], json({"image", "name", "region", "size"}));
  EXPECT_EQ(schema["properties"]["ipv6"]["default"], false);
  EXPECT_EQ(schema["additionalProperties"], false);
  std::vector<std::string> outputs;
  for (const auto& output : droplet.module.outputs()) outputs.push_back(output.name());
  EXPECT_THAT(outputs, ElementsAre("droplet_created_at", "droplet_id", "droplet_ip_address", "droplet_status"));
}

TEST(Catalog, TurnsEveryTypeIntoItsSchema) {
  const auto catalog = LoadCatalog(TestData("typed_modules"));
  const json properties = SchemaOf(**catalog->Find("typed"))["properties"];
  EXPECT_EQ(properties["text"], json::parse(R"({"type":["string","null"]})"));
  EXPECT_EQ(properties["count_of"], json::parse(R"({"type":"number","default":3})"));
  EXPECT_EQ(properties["names"], json::parse(R"({"type":["array","null"],"items":{"type":"string"},
      "uniqueItems":true,"default":[]})"));
  EXPECT_EQ(properties["labels"], json::parse(R"({"type":["object","null"],
      "additionalProperties":{"type":"string"},"default":{}})"));
  EXPECT_EQ(properties["pair"]["prefixItems"], json::parse(R"([{"type":"string"},{"type":"boolean"}])"));
  EXPECT_EQ(properties["pair"]["maxItems"], 2);
  EXPECT_EQ(properties["anything"], json::parse(R"({"default":null})"));
  EXPECT_EQ(properties["token"], json::parse(R"({"type":["string","null"],"writeOnly":true})"));
}

TEST(Catalog, LeavesOptionalAttributesOutOfRequired) {
  const auto catalog = LoadCatalog(TestData("typed_modules"));
  const json ports = SchemaOf(**catalog->Find("typed"))["properties"]["ports"];
  EXPECT_EQ(ports["items"]["required"], json({"port"}));
  EXPECT_EQ(ports["items"]["properties"]["protocol"], json::parse(R"({"type":["string","null"],"default":"tcp"})"));
  EXPECT_EQ(ports["items"]["properties"]["note"], json::parse(R"({"type":["string","null"]})"));
  EXPECT_EQ(ports["default"], json::parse(R"([{"port":80,"protocol":"tcp","note":null}])"));
}

TEST(Catalog, NeverShowsTheDefaultOfASensitiveVariable) {
  const auto catalog = LoadCatalog(TestData("typed_modules"));
  const ModuleEntry& typed = **catalog->Find("typed");
  EXPECT_EQ(typed.module.ShortDebugString().find("not-shown"), std::string::npos);
  EXPECT_TRUE(typed.module.outputs(0).sensitive());
}

TEST(Catalog, ReadsOverrideFilesAndHidesWhatIsInTheModuleItself) {
  const std::string folder = testing::TempDir() + "catalog-override";
  ASSERT_TRUE(MakeFolder(folder + "/secretive").ok());
  ASSERT_TRUE(WriteFile(folder + "/secretive/main.tf", R"(
variable "login" {
  type    = object({ password = optional(string, "tr0ub4dor") })
  default = { password = "hunter2-default" }
})")
                  .ok());
  ASSERT_TRUE(WriteFile(folder + "/secretive/main_override.tf", "variable \"login\" { sensitive = true }").ok());
  const auto catalog = LoadCatalog(folder);
  const ModuleEntry& module = **catalog->Find("secretive");
  EXPECT_TRUE(module.module.variables(0).sensitive());
  EXPECT_EQ(module.module.variables(0).type(), "object({ password = optional(string) })");
  EXPECT_EQ(SchemaOf(module)["properties"]["login"]["writeOnly"], true);
  for (const std::string secret : {"tr0ub4dor", "hunter2-default"}) {
    EXPECT_EQ(module.module.DebugString().find(secret), std::string::npos);
  }
  EXPECT_THAT(module.secret_defaults, testing::UnorderedElementsAre("tr0ub4dor", "hunter2-default"));
  EXPECT_TRUE(RemoveFolder(folder).ok());
}

TEST(Catalog, NamesFileAndLineOfASyntaxError) {
  const absl::Status status = LoadError(TestData("broken_modules"));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(core::ToStd(status.message())),
              AllOf(HasSubstr("syntax/main.tf:6: "), HasSubstr("xpression")));
}

TEST(Catalog, RefusesWhatInitWouldRunOrFetch) {
  const std::string folder = testing::TempDir() + "catalog-refused";
  const std::pair<std::string, std::string> refused[] = {
      {"terraform {\n  encryption {\n    key_provider \"external\" \"x\" { command = [\"/bin/false\"] }\n  }\n}",
       "mine/main.tf:2: A module cannot encrypt its state or plan: Remove the `encryption` block"},
      {"module \"m\" {\n  source = \"http://127.0.0.1/m.zip\"\n}",
       "mine/main.tf:2: The module \"http://127.0.0.1/m.zip\" is not local: Copy it into a folder of this module"}};
  for (const auto& [text, words] : refused) {
    ASSERT_TRUE(MakeFolder(folder + "/mine").ok());
    ASSERT_TRUE(WriteFile(folder + "/mine/main.tf", text).ok());
    const absl::Status status = LoadError(folder);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(core::ToStd(status.message())), HasSubstr(words));
  }
  EXPECT_TRUE(RemoveFolder(folder).ok());
}

TEST(Catalog, RefusesNamesThatAreTakenOrMalformed) {
  for (const std::string name : {"health", "v1", "metrics", "Upper", "9lives", "under_score"}) {
    const std::string folder = testing::TempDir() + "catalog-" + name;
    ASSERT_TRUE(MakeFolder(folder + "/" + name).ok());
    ASSERT_TRUE(WriteFile(folder + "/" + name + "/main.tf", "").ok());
    const absl::Status status = LoadError(folder);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(std::string(core::ToStd(status.message())), HasSubstr("`" + name + "`"));
    EXPECT_TRUE(RemoveFolder(folder).ok());
  }
}

TEST(Catalog, NamesTheNearestModules) {
  const auto catalog = LoadCatalog(ModulesFolder());
  const absl::Status status = catalog->Find("dropplet").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(core::ToStd(status.message())), HasSubstr("droplet"));
}

TEST(Catalog, DigestChangesWithAnyFile) {
  const std::string folder = testing::TempDir() + "catalog-digest";
  ASSERT_TRUE(MakeFolder(folder).ok());
  std::filesystem::copy(ModulesFolder() + "/note", folder + "/note", std::filesystem::copy_options::recursive);
  const std::string before = (*LoadCatalog(folder)->Find("note"))->digest;
  ASSERT_TRUE(WriteFile(folder + "/note/more.txt", "x").ok());
  EXPECT_NE((*LoadCatalog(folder)->Find("note"))->digest, before);
  EXPECT_TRUE(RemoveFolder(folder).ok());
}

}  // namespace
}  // namespace stratus::provisioning::engine
