#include "gateway/route/template.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stratus::gateway::route {
namespace {

using ::testing::HasSubstr;

// A parsed template in one canonical line: segments, verb, then each variable with its span.
std::string Describe(std::string_view text) {
  const absl::StatusOr<Template> parsed = ParseTemplate(text);
  if (!parsed.ok()) return std::string(parsed.status().message());
  std::string out;
  for (const Segment& segment : parsed->segments) {
    const char* star = segment.kind == Segment::Kind::kOne ? "*" : "**";
    absl::StrAppend(&out, "/", segment.kind == Segment::Kind::kLiteral ? segment.literal : star);
  }
  if (!parsed->verb.empty()) absl::StrAppend(&out, ":", parsed->verb);
  for (const Variable& v : parsed->variables) {
    absl::StrAppend(&out, " ", v.field_path, "[", v.begin, ",", v.end, ")", v.multi ? "+" : "");
  }
  return out;
}

TEST(PathTemplate, ParsesEveryFormOfTheGrammar) {
  EXPECT_EQ(Describe("/"), "");
  EXPECT_EQ(Describe("/a"), "/a");
  EXPECT_EQ(Describe("/a/*/b/**"), "/a/*/b/**");
  EXPECT_EQ(Describe("/**"), "/**");
  EXPECT_EQ(Describe("/v1/{x}"), "/v1/* x[1,2)");
  EXPECT_EQ(Describe("/v1/{x=*}"), "/v1/* x[1,2)");
  EXPECT_EQ(Describe("/v1/{x=**}"), "/v1/** x[1,2)+");
  EXPECT_EQ(Describe("/v1/{a.b_2.C=a/*/b/**}"), "/v1/a/*/b/** a.b_2.C[1,5)+");
  EXPECT_EQ(Describe("/v1/{x=lit}/y"), "/v1/lit/y x[1,2)");
  EXPECT_EQ(Describe("/{x}/{y}/z"), "/*/*/z x[0,1) y[1,2)");
  EXPECT_EQ(Describe("/v1/weather:today"), "/v1/weather:today");
  EXPECT_EQ(Describe("/v1/{x}:go"), "/v1/*:go x[1,2)");
  EXPECT_EQ(Describe("/v1/{x=a/**}:go"), "/v1/a/**:go x[1,3)+");
  EXPECT_EQ(Describe("/v1/*:go"), "/v1/*:go");
  EXPECT_EQ(Describe("/v1/**:go"), "/v1/**:go");
}

TEST(PathTemplate, TakesTheLastColonOfTheLastSegmentForTheVerb) {
  EXPECT_EQ(Describe("/a:b/c"), "/a:b/c");
  EXPECT_EQ(Describe("/a:b/c:d"), "/a:b/c:d");
  const absl::StatusOr<Template> parsed = ParseTemplate("/urn:isbn:get");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->segments[0].literal, "urn:isbn");
  EXPECT_EQ(parsed->verb, "get");
  const absl::StatusOr<Template> inside = ParseTemplate("/{x=a:b}");
  ASSERT_TRUE(inside.ok());
  EXPECT_EQ(inside->segments[0].literal, "a:b");
  EXPECT_EQ(inside->verb, "");
}

TEST(PathTemplate, DecodesLiterals) {
  EXPECT_EQ(Describe("/caf%C3%A9/a%2fb:x%3Ay"), "/caf\xC3\xA9/a/b:x:y");
  EXPECT_EQ(Describe("/caf\xC3\xA9"), "/caf\xC3\xA9");
  EXPECT_EQ(Describe("/-._~!$&'()+,;=@"), "/-._~!$&'()+,;=@");
}

TEST(PathTemplate, SaysWhatIsWrongAndWhere) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"", "offset 0: must begin with `/`"},
      {"v1", "offset 0: must begin with `/`"},
      {"/v1/", "offset 4: a segment is missing"},
      {"//v1", "offset 1: expected a literal"},
      {"/v1//a", "offset 4: expected a literal"},
      {"/:go", "offset 1: expected a literal"},
      {"/v1/:go", "offset 4: expected a literal"},
      {"/v1/a:", "offset 6: a verb is missing"},
      {"/v1/{x}:a:b", "offset 8: a verb must not hold a colon"},
      {"/v1/{x}:a/b", "offset 9: expected `/`, `:verb` or the end"},
      {"/v1/*:a/b", "offset 7: expected `/`, `:verb` or the end"},
      {"/v1/{", "offset 5: expected a field name"},
      {"/v1/{}", "offset 5: expected a field name"},
      {"/v1/{1x}", "offset 5: expected a field name"},
      {"/v1/{a.}", "offset 7: expected a field name"},
      {"/v1/{x", "offset 6: expected `}`"},
      {"/v1/{x=", "offset 7: a segment is missing"},
      {"/v1/{x=}", "offset 7: expected a literal"},
      {"/v1/{x=a/}", "offset 9: expected a literal"},
      {"/v1/{x=/a}", "offset 7: expected a literal"},
      {"/v1/{x={y}}", "offset 7: a variable's template must not hold another variable"},
      {"/v1/{x}y", "offset 7: expected `/`"},
      {"/v1/a{x}", "offset 5: expected `/`"},
      {"/v1/{x}/{x}", "offset 10: `x` is bound twice"},
      {"/**/a", "offset 4: nothing but a verb may follow `**`"},
      {"/{x=**}/a", "offset 8: nothing but a verb may follow `**`"},
      {"/***", "offset 3: expected `/`"},
      {"/*a", "offset 2: expected `/`"},
      {"/a*", "offset 2: expected `/`"},
      {"/a b", "offset 2: expected `/`"},
      {"/a?b", "offset 2: expected `/`"},
      {"/a}", "offset 2: expected `/`"},
      {"/a%2", "offset 1: a percent-escape is malformed"},
      {"/a%zz", "offset 1: a percent-escape is malformed"},
      {"/a/" + std::string(256, 'x'), "offset 3: a literal is longer than 255 bytes"},
  };
  for (const auto& [text, problem] : wrong) {
    const absl::Status status = ParseTemplate(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("`" + text + "`, " + problem));
  }
}

TEST(PathTemplate, HasBounds) {
  std::string segments, variables;
  for (size_t i = 0; i < Template::kSegmentsMax; ++i) segments += "/a";
  for (size_t i = 0; i < Template::kVariablesMax; ++i) absl::StrAppend(&variables, "/{v", i, "}");
  EXPECT_TRUE(ParseTemplate(segments).ok());
  EXPECT_THAT(Describe(segments + "/a"), HasSubstr("more than 32 segments"));
  EXPECT_TRUE(ParseTemplate(variables).ok());
  EXPECT_THAT(Describe(variables + "/{x}"), HasSubstr("more than 16 variables"));
  EXPECT_THAT(Describe("/" + std::string(Template::kLengthMax, 'a')), HasSubstr("longer than 2048 bytes"));
}

}  // namespace
}  // namespace stratus::gateway::route
