#include "lib/auth/base64url.h"

#include <gtest/gtest.h>

namespace stratus::auth {
namespace {

TEST(Base64Url, DecodesWhatItEncodesForEveryLengthAndByte) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    std::string decoded;
    ASSERT_TRUE(DecodeBase64Url(EncodeBase64Url(bytes), &decoded)) << i;
    EXPECT_EQ(decoded, bytes);
    bytes.push_back(static_cast<char>(i * 7));
  }
}

TEST(Base64Url, UsesTheUrlAlphabetWithoutPadding) {
  EXPECT_EQ(EncodeBase64Url("\xFB\xFF\xFE"), "-__-");
  EXPECT_EQ(EncodeBase64Url("f"), "Zg");
  EXPECT_EQ(EncodeBase64Url("fo"), "Zm8");
}

TEST(Base64Url, RefusesEveryOtherSpelling) {
  std::string out;
  for (const char* bad : {"Zg==", "Zm8=", "Z", "ZZZZZ", "+//+", "Z g", " Zg", "Zg ", "Zg\n", "Zm9v\n", "Zm.v",
                          "Zm9v=", "\xC3\xA4zz", "Zm9vYg=="}) {
    EXPECT_FALSE(DecodeBase64Url(bad, &out)) << bad;
  }
  EXPECT_FALSE(DecodeBase64Url(std::string_view("Zm\0v", 4), &out));
}

TEST(Base64Url, RefusesBitsBeyondTheLastByte) {
  std::string out;
  EXPECT_TRUE(DecodeBase64Url("Zg", &out));
  for (const char* bad : {"Zh", "Zi", "Zj", "Zk", "Zv"}) EXPECT_FALSE(DecodeBase64Url(bad, &out)) << bad;
  EXPECT_TRUE(DecodeBase64Url("Zm8", &out));
  for (const char* bad : {"Zm9", "Zm-", "Zm_"}) EXPECT_FALSE(DecodeBase64Url(bad, &out)) << bad;
}

}  // namespace
}  // namespace stratus::auth
