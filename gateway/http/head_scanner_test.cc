#include "gateway/http/head_scanner.h"

#include <string>

#include "gtest/gtest.h"

namespace stratus::gateway::http {
namespace {

using Result = HeadScanner::Result;

TEST(HeadScanner, FindsTheEndHoweverTheHeadIsCut) {
  const std::string head = "GET / HTTP/1.1\r\na: b\r\n\r\n";
  const std::string input = head + "body";
  HeadScanner scanner;
  for (size_t size = 0; size < head.size(); ++size) {
    ASSERT_EQ(scanner.Scan(input.substr(0, size), 100), Result::kIncomplete) << size;
  }
  EXPECT_EQ(scanner.Scan(input, 100), Result::kComplete);
  EXPECT_EQ(scanner.size(), head.size());
}

TEST(HeadScanner, RefusesBareLineFeedsWithoutWaitingForTheEnd) {
  HeadScanner bare;
  EXPECT_EQ(bare.Scan("GET / HTTP/1.1\n", 100), Result::kBadLineEnding);
  HeadScanner first;
  EXPECT_EQ(first.Scan("\n", 100), Result::kBadLineEnding);
  HeadScanner folded;
  EXPECT_EQ(folded.Scan("GET / HTTP/1.1\r\na: b\r\n c\r\n", 100), Result::kFolded);
}

TEST(HeadScanner, KnowsByTheFirstByteWhatCannotBeHttp) {
  for (const char* other : {"\x16\x03\x01", "\x80\x2e", "\x01", " GET", "{", "\xff"}) {
    HeadScanner scanner;
    EXPECT_EQ(scanner.Scan(other, 100), Result::kNotHttp) << other;
  }
  for (const char* method : {"G", "get", "M-SEARCH", "\r"}) {
    HeadScanner scanner;
    EXPECT_EQ(scanner.Scan(method, 100), Result::kIncomplete) << method;
  }
}

TEST(HeadScanner, KeepsTheLimitExactly) {
  const std::string head = "GET / HTTP/1.1\r\n\r\n";
  HeadScanner fits;
  EXPECT_EQ(fits.Scan(head, head.size()), Result::kComplete);
  HeadScanner large;
  EXPECT_EQ(large.Scan(head, head.size() - 1), Result::kTooLarge);
  HeadScanner line;
  EXPECT_EQ(line.Scan(head, 10), Result::kLineTooLong);
}

}  // namespace
}  // namespace stratus::gateway::http
