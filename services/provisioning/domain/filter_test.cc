#include "services/provisioning/domain/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace stratus::provisioning::domain {
namespace {

using ::testing::HasSubstr;

// The tree in words: `(and (= a x) (not (: b *)))`.
std::string Words(const FilterNode& node) {
  static const char* const kComparators[] = {"=", "!=", "<", "<=", ">", ">=", ":"};
  std::vector<std::string> operands;
  for (const FilterNode& operand : node.operands) operands.push_back(Words(operand));
  switch (node.kind) {
    case FilterNode::Kind::kAnd: return absl::StrCat("(and ", absl::StrJoin(operands, " "), ")");
    case FilterNode::Kind::kOr: return absl::StrCat("(or ", absl::StrJoin(operands, " "), ")");
    case FilterNode::Kind::kNot: return absl::StrCat("(not ", operands[0], ")");
    case FilterNode::Kind::kCompare: break;
  }
  return absl::StrCat("(", kComparators[static_cast<int>(node.comparator)], " ", absl::StrJoin(node.path, "."), " ",
                      node.quoted ? absl::StrCat("'", node.value, "'") : node.value, ")");
}

std::string Parsed(const std::string& filter) {
  auto node = ParseFilter(filter);
  return node.ok() ? Words(*node) : std::string(node.status().message());
}

TEST(Filter, ReadsComparisons) {
  const std::map<std::string, std::string> expected = {
      {"a=x", "(= a x)"},
      {" a  !=  x ", "(!= a x)"},
      {"a<1", "(< a 1)"},
      {"a<=-1.5", "(<= a -1.5)"},
      {"a>x", "(> a x)"},
      {"a>=x", "(>= a x)"},
      {"a:*", "(: a *)"},
      {"a:\"*\"", "(: a '*')"},
      {"a.b-c.d_e = x", "(= a.b-c.d_e x)"},
      {"a . b = x", "(= a.b x)"},
      {"a.\"b.c/d\" = x", "(= a.b.c/d x)"},
      {"a = 'it''", "filter: column 9: this text has no closing quote"},
      {"a = \"say \\\"hi\\\" \\\\\"", "(= a 'say \"hi\" \\')"},
      {"a = \"\"", "(= a '')"},
      {"t > 2026-01-02T03:04:05.5+01:00", "(> t 2026-01-02T03:04:05.5+01:00)"},
      {"m = modules/droplet", "(= m modules/droplet)"},
      {"a = AND", "(= a AND)"},
      {"a = \xc3\xa9t\xc3\xa9", "(= a \xc3\xa9t\xc3\xa9)"},
  };
  for (const auto& [filter, words] : expected) EXPECT_EQ(Parsed(filter), words) << filter;
}

TEST(Filter, OrBindsTighterThanAnd) {
  EXPECT_EQ(Parsed("a=1 AND b=2 OR c=3"), "(and (= a 1) (or (= b 2) (= c 3)))");
  EXPECT_EQ(Parsed("(a=1 AND b=2) OR c=3"), "(or (and (= a 1) (= b 2)) (= c 3))");
  EXPECT_EQ(Parsed("a=1 b=2 OR c=3 d=4"), "(and (= a 1) (or (= b 2) (= c 3)) (= d 4))");
}

TEST(Filter, NegatesWhatFollows) {
  EXPECT_EQ(Parsed("NOT a=1 AND b=2"), "(and (not (= a 1)) (= b 2))");
  EXPECT_EQ(Parsed("-a=1"), "(not (= a 1))");
  EXPECT_EQ(Parsed("NOT NOT a=1"), "(not (not (= a 1)))");
  EXPECT_EQ(Parsed("-(a=1 OR b=2)"), "(not (or (= a 1) (= b 2)))");
}

TEST(Filter, SaysWhatIsWrongAndInWhichColumn) {
  const std::map<std::string, std::string> expected = {
      {"a", "column 2: a comparison is expected"},
      {"a=", "column 3: a value is expected"},
      {"a=)", "column 3: a value is expected"},
      {"=x", "column 1: a field is expected"},
      {"a.=x", "column 3: a field is expected"},
      {"a=1 AND", "column 8: a field is expected"},
      {"a=1 OR OR b=2", "column 8: a field is expected"},
      {"AND a=1", "column 1: a field is expected"},
      {"(a=1", "column 1: this parenthesis is not closed"},
      {"a=1)", "column 4: AND, OR or the end is expected"},
      {"a=1 , b=2", "column 5: `,` has no meaning here"},
      {"a=\"x", "column 3: this text has no closing quote"},
      {"a=\"x\\n\"", "column 5: after a backslash"},
      {"a = b = c", "column 7: AND, OR or the end is expected"},
      {"()", "column 2: a field is expected"},
      {"a ! b", "column 3: `!` has no meaning here"},
      {std::string("a = \"x\0\"", 8), "column 7: a text holds no zero byte"},
      {std::string("a\x01", 2), "column 2: `?` has no meaning here"},
  };
  for (const auto& [filter, message] : expected) EXPECT_THAT(Parsed(filter), HasSubstr(message)) << filter;
}

TEST(Filter, HasLimits) {
  EXPECT_THAT(Parsed("a=" + std::string(kFilterBytesMax, 'x')), HasSubstr("1002 bytes, at most 1000"));
  EXPECT_EQ(Parsed("a=" + std::string(kFilterBytesMax - 2, 'x')).substr(0, 6), "(= a x");
  const auto nested = [](int levels) { return std::string(levels, '(') + "a=1" + std::string(levels, ')'); };
  EXPECT_EQ(Parsed(nested(kFilterDepthMax)), "(= a 1)");
  EXPECT_THAT(Parsed(nested(kFilterDepthMax + 1)), HasSubstr("at most 16 levels"));
  EXPECT_THAT(Parsed(std::string(400, '-') + "a=1"), HasSubstr("at most 16 levels"));
  std::string many = "a=1";
  for (int i = 1; i < kFilterComparisonsMax; ++i) many += " a=1";
  EXPECT_TRUE(ParseFilter(many).ok());
  EXPECT_THAT(Parsed(many + " a=1"), HasSubstr("at most 50 comparisons"));
}

}  // namespace
}  // namespace stratus::provisioning::domain
