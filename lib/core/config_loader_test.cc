#include "lib/core/config_loader.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/core/testing/sample_config.pb.h"

namespace stratus::core {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::v1::SampleConfig;

absl::Status Parse(const std::string& yaml, SampleConfig* config, const ConfigOptions& options = {}) {
  return ParseConfig(yaml, "f.yaml", options, config);
}

std::string Refusal(const std::string& yaml, const ConfigOptions& options = {}) {
  SampleConfig config;
  config.set_name("before");
  const absl::Status status = Parse(yaml, &config, options);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << yaml;
  EXPECT_EQ(config.ShortDebugString(), "name: \"before\"") << "left as it was";
  return std::string(status.message());
}

TEST(ConfigLoader, ReadsEveryKindOfField) {
  SampleConfig config;
  const absl::Status status = Parse(R"(# a comment
name: "quoted: text"
small: -5
count: 7
big: -9000000000
bytes_max: 18446744073709551615
ratio: 0.25
enabled: true
mode: MODE_SAFE
timeout: 1h30m
tags: [a, "b", 3]
parts:
  - connections: 4
    wait: 250ms
  - {connections: 5}
by_name:
  one: {connections: 1}
by_number:
  7: seven
right: r
nested:
  inner: {inner: {connections: 9}}
delays: [5s, 10m]
maybe: false
)",
                                    &config);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(config.name(), "quoted: text");
  EXPECT_EQ(config.small(), -5);
  EXPECT_EQ(config.count(), 7u);
  EXPECT_EQ(config.big(), -9000000000);
  EXPECT_EQ(config.bytes_max(), 18446744073709551615u);
  EXPECT_EQ(config.ratio(), 0.25);
  EXPECT_TRUE(config.enabled());
  EXPECT_EQ(config.mode(), testing::v1::MODE_SAFE);
  EXPECT_EQ(config.timeout().seconds(), 5400);
  EXPECT_THAT(config.tags(), ::testing::ElementsAre("a", "b", "3"));
  EXPECT_EQ(config.parts(0).wait().nanos(), 250'000'000);
  EXPECT_EQ(config.parts(1).connections(), 5u);
  EXPECT_EQ(config.by_name().at("one").connections(), 1u);
  EXPECT_EQ(config.by_number().at(7), "seven");
  EXPECT_EQ(config.right(), "r");
  EXPECT_EQ(config.nested().inner().inner().connections(), 9u);
  EXPECT_EQ(config.delays(1).seconds(), 600);
  EXPECT_TRUE(config.has_maybe());
}

TEST(ConfigLoader, TakesAnEmptyFileForAnEmptyMessage) {
  SampleConfig config;
  EXPECT_TRUE(Parse("", &config).ok());
  EXPECT_TRUE(Parse("# nothing set\n", &config).ok());
  EXPECT_EQ(config.ByteSizeLong(), 0u);
}

TEST(ConfigLoader, NamesLineColumnAndPathOfAnUnknownKey) {
  const std::string refusal = Refusal("name: x\nparts:\n  - connections: 1\n    conections: 2\n");
  EXPECT_THAT(refusal, StartsWith("f.yaml:4:5: parts[0].conections: unknown key"));
  EXPECT_THAT(refusal, HasSubstr("connections, wait, inner"));
}

TEST(ConfigLoader, RefusesJsonNames) { EXPECT_THAT(Refusal("bytesMax: 1"), HasSubstr("bytesMax: unknown key")); }

TEST(ConfigLoader, RefusesAValueOfAnotherType) {
  EXPECT_THAT(Refusal("count: many"), StartsWith("f.yaml:1:8: count: expected a 32-bit integer >= 0, found `many`"));
  EXPECT_THAT(Refusal("count: '7'"), HasSubstr("found the string \"7\""));
  EXPECT_THAT(Refusal("count: [7]"), HasSubstr("expected a single value, found a sequence"));
  EXPECT_THAT(Refusal("count: 1.5"), HasSubstr("count: expected"));
  EXPECT_THAT(Refusal("ratio: .nan"), HasSubstr("expected a number"));
  EXPECT_THAT(Refusal("enabled: yes"), HasSubstr("expected true or false, found `yes`"));
  EXPECT_THAT(Refusal("nested: 5"), HasSubstr("expected a mapping, found a single value"));
  EXPECT_THAT(Refusal("tags: one"), HasSubstr("expected a sequence, found a single value"));
  EXPECT_THAT(Refusal("tags:\n  a: b"), HasSubstr("expected a sequence, found a mapping"));
  EXPECT_THAT(Refusal("tags: [a, [b]]"), HasSubstr("tags[1]: expected a single value"));
  EXPECT_THAT(Refusal("by_number: {x: y}"), HasSubstr("by_number[x]: expected a 32-bit integer"));
  EXPECT_THAT(Refusal("- 1\n- 2"), HasSubstr("expected a mapping, found a sequence"));
  EXPECT_THAT(Refusal("nested:\nname: x"), HasSubstr("f.yaml:1:1: nested: the key has no value"));
}

TEST(ConfigLoader, RefusesNumbersThatDoNotFit) {
  EXPECT_THAT(Refusal("count: -1"), HasSubstr("count: expected"));
  EXPECT_THAT(Refusal("count: 4294967296"), HasSubstr("count: expected"));
  EXPECT_THAT(Refusal("small: 2147483648"), HasSubstr("small: expected"));
  EXPECT_THAT(Refusal("bytes_max: 18446744073709551616"), HasSubstr("bytes_max: expected"));
  EXPECT_THAT(Refusal("ratio: 1e999"), HasSubstr("ratio: expected"));
}

TEST(ConfigLoader, RefusesUnknownEnumNames) {
  EXPECT_THAT(Refusal("mode: FAST"),
              HasSubstr("mode: expected one of MODE_UNSPECIFIED, MODE_FAST, MODE_SAFE, found `FAST`"));
  EXPECT_THAT(Refusal("mode: 1"), HasSubstr("mode: expected one of"));
}

TEST(ConfigLoader, RefusesBadDurations) {
  for (const char* duration : {"5", "5 s", "-5s", "inf", "5d", "s", "soon"}) {
    EXPECT_THAT(Refusal(absl::StrCat("timeout: ", duration)), HasSubstr("timeout: expected a duration")) << duration;
  }
}

TEST(ConfigLoader, ChecksBoundsWhereverTheFieldStands) {
  const ConfigOptions options{.bounds = {{.path = "count", .min = 1, .max = 64},
                                         {.path = "bytes_max", .min = 1024},
                                         {.path = "parts.wait", .min = 0.01, .max = 60},
                                         {.path = "by_name.connections", .min = 1, .max = 2}}};
  SampleConfig config;
  EXPECT_TRUE(Parse("count: 64\nbytes_max: 1024\nparts: [{wait: 10ms}, {wait: 1m}]", &config, options).ok());
  EXPECT_EQ(Refusal("count: 65", options), "f.yaml:1:8: count: 65 is out of range: 1 to 64");
  EXPECT_EQ(Refusal("bytes_max: 1023", options), "f.yaml:1:12: bytes_max: 1023 is out of range: at least 1024");
  EXPECT_EQ(Refusal("parts:\n- {wait: 5s}\n- {wait: 61s}", options),
            "f.yaml:3:10: parts[1].wait: 61s is out of range: 10ms to 1m");
  EXPECT_THAT(Refusal("by_name: {a: {connections: 3}}", options), HasSubstr("by_name[a].connections: 3 is out of"));
}

TEST(ConfigLoader, ABoundOnNoFieldIsAnErrorOfTheProgram) {
  SampleConfig config;
  EXPECT_EQ(Parse("", &config, {.bounds = {{.path = "parts.nothing"}}}).code(), absl::StatusCode::kInternal);
}

TEST(ConfigLoader, RefusesDuplicateKeys) {
  EXPECT_THAT(Refusal("count: 1\nname: x\ncount: 2"), StartsWith("f.yaml:3:1: count: the key stands here twice"));
  EXPECT_THAT(Refusal("by_name: {a: {}, a: {}}"), HasSubstr("stands here twice"));
}

TEST(ConfigLoader, RefusesTwoFieldsOfAOneof) {
  EXPECT_THAT(Refusal("left: a\nright: b"), StartsWith("f.yaml:2:1: right: only one of the fields of `choice`"));
}

TEST(ConfigLoader, RefusesBrokenYamlWithItsPlace) {
  EXPECT_THAT(Refusal("name: [a\ncount: 1"), StartsWith("f.yaml:2:"));
  EXPECT_THAT(Refusal("name: *nowhere"), StartsWith("f.yaml:1:"));
  EXPECT_THAT(Refusal("name: a\n---\nname: b"), HasSubstr("more than one YAML document"));
}

TEST(ConfigLoader, BoundsSizeDepthAndAliases) {
  EXPECT_THAT(Refusal(std::string(200, '#'), {.file_bytes_max = 100}), HasSubstr("larger than 100 bytes"));
  std::string deep = "nested: ";
  for (int i = 0; i < 40; ++i) deep += "{inner: ";
  EXPECT_THAT(Refusal(absl::StrCat(deep, "{}", std::string(40, '}'))), HasSubstr("nested too deeply"));
  EXPECT_THAT(Refusal(absl::StrCat("name: ", std::string(100000, '['))), StartsWith("f.yaml:1:"));
  std::string laughs = "nested: &n0 {connections: 1}\nparts: [";
  for (int i = 0; i < 2000; ++i) laughs += "*n0,";
  EXPECT_THAT(Refusal(absl::StrCat(laughs, "*n0]"), {.values_max = 1000}), HasSubstr("too many values"));
}

TEST(ConfigLoader, LoadsFromAFileAndSaysWhichIsMissing) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/config_loader.", getpid(), ".yaml");
  std::ofstream(path) << "name: from file\n";
  SampleConfig config;
  EXPECT_TRUE(LoadConfig(path, {}, &config).ok());
  EXPECT_EQ(config.name(), "from file");
  std::remove(path.c_str());
  const absl::Status missing = LoadConfig(path, {}, &config);
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr(path));
}

}  // namespace
}  // namespace stratus::core
