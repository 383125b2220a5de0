#include "lib/http_server/target.h"

#include <gtest/gtest.h>

namespace stratus::http_server {
namespace {

TEST(PercentDecode, DecodesHexOfEitherCaseAndPlusOnlyInForms) {
  EXPECT_EQ(PercentDecode("a%2fb%2Fc", false), "a/b/c");
  EXPECT_EQ(PercentDecode("a+b", false), "a+b");
  EXPECT_EQ(PercentDecode("a+b", true), "a b");
  EXPECT_EQ(PercentDecode("", true), "");
}

TEST(PercentDecode, RefusesBrokenEscapesAndNul) {
  for (const char* bad : {"%", "%2", "a%zz", "%-1", "%00"}) EXPECT_EQ(PercentDecode(bad, true), std::nullopt) << bad;
}

TEST(SplitTarget, TakesBothFormsApart) {
  using Pair = std::pair<std::string_view, std::string_view>;
  EXPECT_EQ(SplitTarget("/a/b?c=d?e"), Pair("/a/b", "c=d?e"));
  EXPECT_EQ(SplitTarget("/a"), Pair("/a", ""));
  EXPECT_EQ(SplitTarget("http://host:1/a?b"), Pair("/a", "b"));
  EXPECT_EQ(SplitTarget("http://host?b"), Pair("/", "b"));
  EXPECT_EQ(SplitTarget("http://host"), Pair("/", ""));
}

TEST(FindFormValue, FindsTheFirstOfAWholeName) {
  EXPECT_EQ(FindFormValue("aa=1&a=2&a=3", "a"), "2");
  EXPECT_EQ(FindFormValue("a%62=x%26y", "ab"), "x&y");
  EXPECT_EQ(FindFormValue("flag&x=", "flag"), "");
  EXPECT_EQ(FindFormValue("x=", "x"), "");
  EXPECT_EQ(FindFormValue("x=1", "y"), std::nullopt);
  EXPECT_EQ(FindFormValue("x=%zz", "x"), std::nullopt);
  EXPECT_EQ(FindFormValue("", "x"), std::nullopt);
}

}  // namespace
}  // namespace stratus::http_server
