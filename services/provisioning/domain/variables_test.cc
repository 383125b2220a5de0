#include "services/provisioning/domain/variables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "google/protobuf/util/json_util.h"
#include "google/rpc/error_details.pb.h"
#include "services/provisioning/domain/variable_schema.h"
#include "services/provisioning/domain/variables_json.h"

namespace stratus::provisioning::domain {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

Value Json(const std::string& json) {
  Value value;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &value).ok()) << json;
  return value;
}

std::vector<std::string> Fields(const absl::Status& status) {
  google::rpc::BadRequest details;
  std::vector<std::string> fields;
  if (core::GetDetail(status, &details)) {
    for (const auto& violation : details.field_violations()) fields.push_back(violation.field());
  }
  return fields;
}

std::vector<std::string> Check(const std::string& value, const std::string& schema) {
  Violations violations;
  CheckValue(Json(value), Json(schema), "v", &violations);
  return Fields(violations.ToStatus());
}

TEST(VariableSchema, TakesNoConversionOfTerraforms) {
  EXPECT_THAT(Check(R"("5")", R"({"type":"number"})"), ElementsAre("v"));
  EXPECT_THAT(Check("5", R"({"type":"string"})"), ElementsAre("v"));
  EXPECT_THAT(Check(R"("true")", R"({"type":"boolean"})"), ElementsAre("v"));
  EXPECT_THAT(Check("1", R"({"type":"boolean"})"), ElementsAre("v"));
  EXPECT_THAT(Check("5.5", R"({"type":"number"})"), IsEmpty());
  EXPECT_THAT(Check("true", R"({"type":"boolean"})"), IsEmpty());
}

TEST(VariableSchema, RefusesNumbersThatJsonHasRounded) {
  EXPECT_THAT(Check("9007199254740992", R"({"type":"number"})"), IsEmpty());
  EXPECT_THAT(Check("9007199254740994", R"({"type":"number"})"), ElementsAre("v"));
  EXPECT_THAT(Check("9007199254740994", "{}"), ElementsAre("v"));
}

TEST(VariableSchema, NestedObjectsHaveRequiredOptionalAndUnknownAttributes) {
  const std::string schema = R"({"type":"object","required":["a"],"additionalProperties":false,"properties":{
    "a":{"type":"object","required":["port"],"additionalProperties":false,
         "properties":{"port":{"type":"number"},"proto":{"type":"string","default":"tcp"}}}}})";
  EXPECT_THAT(Check(R"({"a":{"port":1}})", schema), IsEmpty());
  EXPECT_THAT(Check(R"({"a":{"port":1,"proto":null}})", schema), IsEmpty());
  EXPECT_THAT(Check(R"({"a":{"port":null}})", schema), ElementsAre("v.a.port"));
  EXPECT_THAT(Check(R"({"a":{"proto":"udp","prot":1}})", schema), UnorderedElementsAre("v.a.port", "v.a.prot"));
  EXPECT_THAT(Check(R"({})", schema), ElementsAre("v.a"));
}

TEST(VariableSchema, CollectionsNameTheElement) {
  const std::string list = R"({"type":"array","items":{"type":"string"}})";
  const std::string set = R"({"type":"array","uniqueItems":true,"items":{"type":"string"}})";
  const std::string tuple = R"({"type":"array","prefixItems":[{"type":"string"},{"type":"number"}],"items":false})";
  const std::string map = R"({"type":"object","additionalProperties":{"type":"number"}})";
  EXPECT_THAT(Check(R"(["a",1,null])", list), ElementsAre("v[1]", "v[2]"));
  EXPECT_THAT(Check(R"(["a","b","a"])", set), ElementsAre("v[2]"));
  EXPECT_THAT(Check(R"(["a",1])", tuple), IsEmpty());
  EXPECT_THAT(Check(R"(["a"])", tuple), ElementsAre("v"));
  EXPECT_THAT(Check(R"(["a",1,2])", tuple), ElementsAre("v[2]"));
  EXPECT_THAT(Check(R"({"x":1,"a b":"2"})", map), ElementsAre(R"(v["a b"])"));
}

TEST(VariableSchema, AnyTakesEverythingAndAlternativesTheirOwn) {
  EXPECT_THAT(Check(R"({"a":[1,"x",null,{"b":true}]})", "{}"), IsEmpty());
  const std::string nullable = R"({"anyOf":[{"type":"array","items":{"type":"number"}},{"type":"null"}]})";
  EXPECT_THAT(Check("null", nullable), IsEmpty());
  EXPECT_THAT(Check("[1]", nullable), IsEmpty());
  EXPECT_THAT(Check(R"(["x"])", nullable), ElementsAre("v[0]"));
  EXPECT_THAT(Check(R"("x")", nullable), ElementsAre("v"));
  EXPECT_THAT(Check("null", R"({"type":["string","null"]})"), IsEmpty());
}

TEST(VariableSchema, RefusesEndlessDepth) {
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "[";
  for (int i = 0; i < 40; ++i) deep += "]";
  EXPECT_EQ(Check(deep, "{}").size(), 1u);
}

TEST(VariableSchema, NeverRepeatsAValue) {
  Violations violations;
  CheckValue(Json(R"("hush-hush")"), Json(R"({"type":"number"})"), "v", &violations);
  EXPECT_THAT(std::string(violations.ToStatus().message()), Not(HasSubstr("hush-hush")));
}

v1::Module TestModule() {
  v1::Module module;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(
                  R"({"name":"modules/m","variables":[{"name":"name","type":"string","required":true},
                     {"name":"size","type":"number"},{"name":"key","type":"string","sensitive":true},
                     {"name":"mood","type":"string","nullable":true}],
                     "variablesSchema":{"properties":{"name":{"type":"string"},"size":{"type":"number"},
                     "key":{"type":"string"},"mood":{"type":["string","null"]}}}})",
                  &module)
                  .ok());
  return module;
}

std::vector<std::string> CheckAll(const std::string& variables) {
  Violations violations;
  CheckVariables(Json(variables).struct_value(), TestModule(), &violations);
  return Fields(violations.ToStatus());
}

TEST(Variables, AllThatIsWrongIsToldAtOnce) {
  EXPECT_THAT(CheckAll(R"({"name":"x"})"), IsEmpty());
  EXPECT_THAT(CheckAll(R"({"size":"x","nmae":"y","key":1})"),
              UnorderedElementsAre("variables.name", "variables.size", "variables.nmae", "variables.key"));
}

TEST(Variables, NullIsForNullableOnesAlone) {
  EXPECT_THAT(CheckAll(R"({"name":"x","mood":null})"), IsEmpty());
  EXPECT_THAT(CheckAll(R"({"name":null,"size":null})"), UnorderedElementsAre("variables.name", "variables.size"));
}

TEST(Variables, AreBounded) {
  EXPECT_THAT(CheckAll(R"({"name":")" + std::string(kVariablesBytesMax, 'x') + R"("})"), ElementsAre("variables"));
}

TEST(Variables, SensitiveOnesAreSplitOff) {
  const ShownVariables shown = HideSensitive(Json(R"({"name":"x","key":"hush"})").struct_value(), TestModule());
  EXPECT_EQ(ToJson(shown.shown), R"({"name":"x"})");
  EXPECT_THAT(shown.sensitive, ElementsAre("key"));
}

TEST(VariablesJson, IsTheSameTextForTheSameValueAndReadsBack) {
  const std::string text = R"({"a":[1,0.1,-5,true,null,"x\"y"],"b":{},"c":9007199254740992})";
  const auto object = StructFromJson(text);
  ASSERT_TRUE(object.ok());
  EXPECT_EQ(ToJson(*object), text);
  EXPECT_EQ(StructFromJson("[1]").ok(), false);
  EXPECT_THAT(std::string(StructFromJson("hush-hush").status().message()), Not(HasSubstr("hush-hush")));
}

TEST(Violations, AreCutWhereTheyWouldNotFitATrailer) {
  Violations violations;
  for (int i = 0; i < 100; ++i) violations.Add("variables.x" + std::to_string(i), "is wrong");
  const std::vector<std::string> fields = Fields(violations.ToStatus());
  EXPECT_EQ(fields.size(), 31u);
  EXPECT_EQ(fields.back(), "(more)");
}

}  // namespace
}  // namespace stratus::provisioning::domain
