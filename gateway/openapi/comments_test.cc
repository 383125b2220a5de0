#include "gateway/openapi/comments.h"

#include "gtest/gtest.h"

namespace stratus::gateway::openapi {
namespace {

TEST(Comments, KeepProseAlone) {
  EXPECT_EQ(CleanComment(" A line.\n Another.\n\n   indented\n"), "A line.\nAnother.\n\n  indented");
  EXPECT_EQ(CleanComment(" buf:lint:ignore X\n Text.\n"), "Text.");
  EXPECT_EQ(CleanComment(" Text. (-- internal\n more --) Rest.\n"), "Text.  Rest.");
  EXPECT_EQ(CleanComment(" Text. (-- never closed\n"), "Text.");
  EXPECT_EQ(CleanComment("\n\n"), "");
}

TEST(Comments, AreSummedUpByTheirFirstSentence) {
  EXPECT_EQ(SummaryOf("Gets a book. It must exist.\n\nMore."), "Gets a book");
  EXPECT_EQ(SummaryOf("Two\nlines."), "Two lines");
  EXPECT_EQ(SummaryOf("Version 1.5 of it"), "Version 1.5 of it");
  EXPECT_EQ(SummaryOf(""), "");
}

}  // namespace
}  // namespace stratus::gateway::openapi
