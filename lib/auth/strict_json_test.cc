#include "lib/auth/strict_json.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace stratus::auth {
namespace {

Verdict Parse(std::string_view text, int depth_max = 4) {
  StrictJsonReader reader;
  simdjson::dom::object root;
  return reader.ParseObject(text, depth_max, &root);
}

TEST(StrictJson, TakesAnObject) {
  EXPECT_TRUE(Parse("{}").ok());
  EXPECT_TRUE(Parse(R"( {"a":1,"b":[true,null,"x"],"c":{"a":1.5e3}} )").ok());
}

TEST(StrictJson, RefusesWhatIsNotOneObject) {
  for (const char* bad : {"",
                          "[]",
                          "1",
                          "\"a\"",
                          "null",
                          "{",
                          "{}{}",
                          "{} x",
                          "{a:1}",
                          "{'a':1}",
                          "{\"a\":1,}",
                          "{\"a\"}",
                          "{\"a\":NaN}",
                          "{\"a\":Infinity}",
                          "{\"a\":01}",
                          "{\"a\":1e999}",
                          "{\"a\":\"\x01\"}",
                          "{\"a\":\"\xFF\"}",
                          "{\"a\":\"\\ud800\"}",
                          "// {}",
                          "{\"a\":+1}",
                          "{\"a\":.5}"}) {
    EXPECT_FALSE(Parse(bad).ok()) << bad;
  }
  EXPECT_FALSE(Parse(std::string_view("{}\0", 3)).ok());
}

TEST(StrictJson, RefusesANameGivenTwiceAtAnyDepthAndHoweverItIsWritten) {
  for (const char* bad : {R"({"a":1,"a":1})", R"({"a":1,"b":2,"a":3})", R"({"a":1,"\u0061":2})",
                          R"({"x":{"a":1,"a":2}})", R"({"x":[{"a":1,"a":2}]})", R"({"":1,"":2})"}) {
    const Verdict verdict = Parse(bad);
    ASSERT_FALSE(verdict.ok()) << bad;
    EXPECT_STREQ(verdict.reason(), "JSON name given twice");
  }
  EXPECT_TRUE(Parse(R"({"a":1,"A":2,"x":{"a":1}})").ok());
}

TEST(StrictJson, FindsADuplicateAmongMany) {
  for (const int count : {15, 16, 17, 500}) {
    std::string members;
    for (int i = 0; i < count; ++i) absl::StrAppend(&members, "\"n", i, "\":", i, ",");
    EXPECT_TRUE(Parse(absl::StrCat("{", members, "\"last\":1}")).ok()) << count;
    EXPECT_FALSE(Parse(absl::StrCat("{", members, "\"n", count - 1, "\":1}")).ok()) << count;
  }
}

TEST(StrictJson, BoundsNesting) {
  EXPECT_TRUE(Parse(R"({"a":[{"b":[]}]})", 4).ok());
  EXPECT_STREQ(Parse(R"({"a":[{"b":[[]]}]})", 4).reason(), "JSON nested too deeply");
  EXPECT_STREQ(Parse(R"({"a":{"a":{"a":{"a":{}}}}})", 4).reason(), "JSON nested too deeply");
  EXPECT_FALSE(Parse(std::string(3000, '[') + std::string(3000, ']'), 4).ok());
  std::string deep = "{\"a\":" + std::string(2000, '[') + std::string(2000, ']') + "}";
  EXPECT_FALSE(Parse(deep, 4).ok());
}

TEST(StrictJson, AReaderServesAgainAfterARefusal) {
  StrictJsonReader reader;
  simdjson::dom::object root;
  EXPECT_FALSE(reader.ParseObject("{\"a\":", 4, &root).ok());
  EXPECT_FALSE(reader.ParseObject(std::string(5000, '['), 4, &root).ok());
  ASSERT_TRUE(reader.ParseObject(R"({"a":7})", 4, &root).ok());
  int64_t value = 0;
  ASSERT_EQ(root.at_key("a").get_int64().get(value), simdjson::SUCCESS);
  EXPECT_EQ(value, 7);
}

}  // namespace
}  // namespace stratus::auth
