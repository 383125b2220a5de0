#include "gateway/proxy/json_stream_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stratus::gateway::proxy {
namespace {

using Form = JsonStreamReader::Form;
using Result = JsonStreamReader::Result;
using Values = std::vector<std::string>;

struct Outcome {
  Values values;
  Result end = Result::kNeedMore;
  std::string reason;
};

// Reads `body` in pieces of `cut` bytes, each in memory of its own.
Outcome Read(Form form, std::string_view body, size_t cut, size_t value_bytes_max = 1000) {
  JsonStreamReader reader;
  reader.Reset(form, value_bytes_max);
  Outcome outcome;
  std::string_view value;
  for (size_t at = 0; at < body.size(); at += cut) {
    const std::string copy(body.substr(at, cut));
    std::string_view piece = copy;
    Result result;
    while ((result = reader.Next(&piece, &value)) == Result::kValue) outcome.values.emplace_back(value);
    if (result != Result::kNeedMore) return {outcome.values, result, std::string(reader.reason())};
    EXPECT_TRUE(piece.empty());
  }
  outcome.end = reader.End(&value);
  outcome.reason = std::string(reader.reason());
  if (outcome.end == Result::kValue) {
    outcome.values.emplace_back(value);
    outcome.end = reader.End(&value);
  }
  return outcome;
}

struct Case {
  Form form;
  const char* body;
  Values values;
};

TEST(JsonStreamReader, FindsTheSameValuesHoweverTheBytesAreCut) {
  const Case cases[] = {
      {Form::kValues, "", {}},
      {Form::kValues, " \n ", {}},
      {Form::kValues, "[]", {}},
      {Form::kValues, " [ ] ", {}},
      {Form::kValues, "[{}]", {"{}"}},
      {Form::kValues,
       R"( [ {"a":[1,{"b":"]}"}]} , "x\"]", [1] ,null,-1.5e3 ] )",
       {R"({"a":[1,{"b":"]}"}]})", R"("x\"]")", "[1]", "null", "-1.5e3"}},
      {Form::kValues, R"(["\\","a"])", {R"("\\")", R"("a")"}},
      {Form::kValues, "[1,2]", {"1", "2"}},
      {Form::kValues, R"({"a":1}{"b":2} {"c":3})", {R"({"a":1})", R"({"b":2})", R"({"c":3})"}},
      {Form::kValues, "{}\n{\n}\n", {"{}", "{\n}"}},
      {Form::kValues, "12 13", {"12", "13"}},
      {Form::kValues,
       R"("a string that is longer than one block of sixteen bytes" 1)",
       {R"("a string that is longer than one block of sixteen bytes")", "1"}},
      {Form::kLines, "", {}},
      {Form::kLines, "\n\r\n  \n", {}},
      {Form::kLines, "{}\n{\"a\":1}\r\n\n [1] \n3", {"{}", R"({"a":1})", "[1]", "3"}},
      {Form::kLines, "{}", {"{}"}},
      {Form::kLines, "{\n}\n", {"{", "}"}},
  };
  for (const Case& test : cases) {
    const size_t size = std::string_view(test.body).size();
    for (size_t cut = 1; cut <= size + 1; ++cut) {
      const Outcome outcome = Read(test.form, test.body, cut);
      EXPECT_EQ(outcome.values, test.values) << test.body << " cut at " << cut;
      EXPECT_EQ(outcome.end, Result::kNeedMore) << test.body << " cut at " << cut << ": " << outcome.reason;
    }
  }
}

TEST(JsonStreamReader, RefusesWhatIsNoListOfValues) {
  for (const char* body : {"[", "[{}", "[{},", "[{},]", "[,{}]", "[{} {}]", "[{}]{}", "[{}],", "{", "{\"a", "{},{}",
                           "\"abc", "[1", "[1,", "[[1]", "[1 2]"}) {
    for (const size_t cut : {size_t{1}, size_t{100}}) {
      const Outcome outcome = Read(Form::kValues, body, cut);
      EXPECT_EQ(outcome.end, Result::kMalformed) << body;
      EXPECT_FALSE(outcome.reason.empty()) << body;
    }
  }
}

TEST(JsonStreamReader, BoundsOneValueAndNotTheirSum) {
  const std::string value = "\"" + std::string(8, 'x') + "\"";
  for (const size_t cut : {size_t{1}, size_t{7}, size_t{10'000}}) {
    std::string array = "[";
    std::string lines;
    for (int i = 0; i < 100; ++i) {
      array += (i == 0 ? "" : ",") + value;
      lines += value + "\n";
    }
    EXPECT_EQ(Read(Form::kValues, array + "]", cut, 10).values.size(), 100u);
    EXPECT_EQ(Read(Form::kLines, lines, cut, 10).values.size(), 100u);
    EXPECT_EQ(Read(Form::kValues, array + "]", cut, 9).end, Result::kTooLong);
    EXPECT_EQ(Read(Form::kLines, lines, cut, 9).end, Result::kTooLong);
    EXPECT_EQ(Read(Form::kValues, std::string(100, '['), cut, 50).end, Result::kTooLong);
  }
}

}  // namespace
}  // namespace stratus::gateway::proxy
