#include "gateway/openapi/overlay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/openapi/json.h"

namespace stratus::gateway::openapi {
namespace {

using ::testing::HasSubstr;

constexpr char kDocument[] = R"({"openapi":"3.1.0","paths":{"/{module}":{"post":{"operationId":"Apply",
  "parameters":[{"name":"module","in":"path"},{"name":"stack","in":"query"}],
  "requestBody":{"content":{"application/json":{"schema":{"type":"object","additionalProperties":true}}}},
  "security":[{"bearerAuth":["a"]}]}}},"components":{"schemas":{"A":{"type":"string"}}}})";

Json Applied(std::string_view overlay) {
  const auto merged = ApplyOverlay(kDocument, overlay);
  EXPECT_TRUE(merged.ok()) << merged.status();
  return merged.ok() ? Json::parse(*merged) : Json();
}

TEST(Overlay, AnInstanceIsACopyWithItsOwnSchema) {
  const Json document = Applied(R"({"paths":{"/big-droplet":{"x-instance-of":"/{module}","post":{"summary":"Big",
      "requestBody":{"content":{"application/json":{"schema":{"additionalProperties":false,
      "properties":{"mood":{"type":["string","null"],"default":null}}}}}}}}}})");
  const Json& post = document["paths"]["/big-droplet"]["post"];
  EXPECT_EQ(post["operationId"], "Apply_big_droplet");
  EXPECT_EQ(post["summary"], "Big");
  EXPECT_EQ(post["parameters"].size(), 1u);
  EXPECT_EQ(post["parameters"][0]["name"], "stack");
  EXPECT_EQ(post["security"], document["paths"]["/{module}"]["post"]["security"]);
  const Json& schema = post["requestBody"]["content"]["application/json"]["schema"];
  EXPECT_EQ(schema["type"], "object");
  EXPECT_EQ(schema["additionalProperties"], false);
  EXPECT_TRUE(schema["properties"]["mood"].contains("default"));
  EXPECT_FALSE(document["paths"]["/big-droplet"].contains("x-instance-of"));
  EXPECT_EQ(document["paths"]["/{module}"], Json::parse(kDocument)["paths"]["/{module}"]);
}

TEST(Overlay, MergesIntoWhatIsThereAndNullRemoves) {
  const Json document = Applied(R"({"paths":{"/{module}":{"post":{"security":null,"tags":["x"]}}},
      "components":{"schemas":{"B":{"type":"number"}}},"tags":[{"name":"x"}]})");
  EXPECT_FALSE(document["paths"]["/{module}"]["post"].contains("security"));
  EXPECT_EQ(document["paths"]["/{module}"]["post"]["operationId"], "Apply");
  EXPECT_EQ(document["components"]["schemas"].size(), 2u);
  EXPECT_EQ(document["tags"][0]["name"], "x");
}

TEST(Overlay, RefusesWhatIsNotServed) {
  const auto error = [](std::string_view overlay) {
    const auto merged = ApplyOverlay(kDocument, overlay);
    EXPECT_EQ(merged.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(merged.status().message());
  };
  EXPECT_THAT(error("["), HasSubstr("JSON object"));
  EXPECT_THAT(error(R"({"info":{}})"), HasSubstr("info"));
  EXPECT_THAT(error(R"({"paths":{"/x":{}}})"), HasSubstr("/x"));
  EXPECT_THAT(error(R"({"paths":{"/x":{"x-instance-of":"/y"}}})"), HasSubstr("x-instance-of"));
  EXPECT_THAT(error(R"({"paths":{"/{module}":{"x-instance-of":"/{module}"}}})"), HasSubstr("served already"));
  EXPECT_THAT(error(R"({"paths":[]})"), HasSubstr("paths"));
}

}  // namespace
}  // namespace stratus::gateway::openapi
