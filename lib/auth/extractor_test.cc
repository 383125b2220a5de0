#include "lib/auth/extractor.h"

#include <gtest/gtest.h>

namespace stratus::auth {
namespace {

using Kind = Extraction::Kind;

Extraction Extract(std::string_view value) { return ExtractBearer({&value, 1}); }

TEST(Extractor, TakesWhatStandsAfterTheScheme) {
  for (const char* value : {"Bearer a.b.c", "bearer a.b.c", "BEARER a.b.c", "bEaReR   a.b.c"}) {
    const Extraction extraction = Extract(value);
    EXPECT_EQ(extraction.kind, Kind::kToken) << value;
    EXPECT_EQ(extraction.token, "a.b.c") << value;
  }
}

TEST(Extractor, KeepsWhitespaceAfterTheTokenForTheParserToRefuse) {
  EXPECT_EQ(Extract("Bearer a.b.c ").token, "a.b.c ");
  EXPECT_EQ(Extract("Bearer \ta.b.c").token, "\ta.b.c");
}

TEST(Extractor, NoValueOrAnotherSchemeIsNoToken) {
  EXPECT_EQ(ExtractBearer({}).kind, Kind::kNone);
  for (const char* value : {"", " ", "Bearer", "Bearer ", "Bearer   ", "Basic dTpw", "Bearera.b.c", "a.b.c",
                            "Digest a=\"b\", c=\"d\"", " Bearer a.b.c", "Bearer\ta.b.c"}) {
    EXPECT_EQ(Extract(value).kind, Kind::kNone) << value;
  }
}

TEST(Extractor, SeveralValuesAreMalformedEvenWhenTheyAreEqualOrFolded) {
  const std::string_view equal[] = {"Bearer a.b.c", "Bearer a.b.c"};
  EXPECT_EQ(ExtractBearer(equal).kind, Kind::kMalformed);
  const std::string_view mixed[] = {"Basic dTpw", "Bearer a.b.c"};
  EXPECT_EQ(ExtractBearer(mixed).kind, Kind::kMalformed);
  EXPECT_EQ(Extract("Bearer a.b.c, Bearer d.e.f").kind, Kind::kMalformed);
  EXPECT_EQ(Extract("Bearer a.b.c,d.e.f").kind, Kind::kMalformed);
}

}  // namespace
}  // namespace stratus::auth
