#include "lib/auth/jwks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "lib/auth/testing/token_maker.h"

namespace stratus::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::SharedKey;
using testing::SigningKey;

std::string Document(const std::string& jwks) { return absl::StrCat("{\"keys\":[", jwks, "]}"); }

// Beside a good key, so that what is passed over shows.
KeySet ParseBeside(const std::string& jwk) {
  auto keys = ParseJwks(Document(absl::StrCat(jwk, ",", SharedKey("good").Jwk())));
  EXPECT_TRUE(keys.ok()) << keys.status();
  return *std::move(keys);
}

TEST(Jwks, ReadsKeysAsCognitoWritesThem) {
  const auto keys = ParseJwks(testing::Jwks({&SharedKey("one"), &SharedKey("two")}));
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(keys->by_id.size(), 2u);
  EXPECT_TRUE(keys->by_id.contains("one"));
  EXPECT_TRUE(keys->by_id.contains("two"));
  EXPECT_THAT(keys->skipped, IsEmpty());
}

TEST(Jwks, KeyIdsAreBytes) {
  const auto& key = SharedKey("aB3+/x=");
  const auto keys = ParseJwks(testing::Jwks({&key}));
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_TRUE(keys->by_id.contains("aB3+/x="));
  EXPECT_FALSE(keys->by_id.contains("ab3+/x="));
}

TEST(Jwks, UseAndAlgorithmMayBeLeftOut) {
  EXPECT_TRUE(ParseJwks(Document(SharedKey("one").Jwk("", ""))).ok());
  EXPECT_TRUE(ParseJwks(Document(SharedKey("one").Jwk("sig", "RS256", R"(,"key_ops":["verify"])"))).ok());
}

TEST(Jwks, PassesOverKeysThatAreNotForRs256AndKeepsTheRest) {
  const auto& key = SharedKey("one");
  const std::pair<std::string, std::string> cases[] = {
      {key.Jwk("enc"), "one: use is not sig"},
      {key.Jwk("sig", "RS512"), "one: alg is not RS256"},
      {key.Jwk("sig", "PS256"), "one: alg is not RS256"},
      {key.Jwk("sig", "HS256"), "one: alg is not RS256"},
      {key.Jwk("sig", "RS256", R"(,"key_ops":["encrypt"])"), "one: key_ops does not hold verify"},
      {key.Jwk("sig", "RS256", R"(,"key_ops":"verify")"), "one: key_ops does not hold verify"},
      {key.Jwk("sig", "RS256", R"(,"d":"AQAB")"), "one: a private key stands in a public document"},
      {R"({"kty":"EC","kid":"ec","crv":"P-256","x":"AA","y":"AA"})", "ec: kty is not RSA"},
      {R"({"kty":"oct","kid":"oct","k":"c2VjcmV0"})", "oct: kty is not RSA"},
      {R"({"kty":"RSA","kid":"x","n":"AQAB=","e":"AQAB"})", "x: n is not base64url"},
      {R"({"kty":"RSA","kid":"x","n":1,"e":"AQAB"})", "x: n is not base64url"},
      {R"({"kty":"RSA","kid":"x","n":"AQAB"})", "x: e is not base64url"},
      {R"({"kty":"RSA","kid":"x","n":"AQAB","e":"AQAB"})", "x: RSA key under 2048 bits"},
      {R"({"kty":"RSA","n":"AQAB","e":"AQAB"})", ": no kid"},
      {R"({"kty":"RSA","kid":"","n":"AQAB","e":"AQAB"})", ": no kid"},
      {R"({"kty":"RSA","kid":7,"n":"AQAB","e":"AQAB"})", ": no kid"},
      {R"("text")", ": not an object"},
  };
  for (const auto& [jwk, why] : cases) {
    const KeySet keys = ParseBeside(jwk);
    EXPECT_EQ(keys.by_id.size(), 1u) << jwk;
    EXPECT_TRUE(keys.by_id.contains("good"));
    EXPECT_THAT(keys.skipped, ElementsAre(why));
  }
}

TEST(Jwks, RefusesARealKeyUnder2048Bits) {
  const SigningKey small("small", 1024);
  EXPECT_THAT(ParseBeside(small.Jwk()).skipped, ElementsAre("small: RSA key under 2048 bits"));
}

TEST(Jwks, AKeyIdGivenTwiceIsAmbiguousHoweverOften) {
  const SigningKey twin("one");
  const KeySet keys = ParseBeside(absl::StrCat(SharedKey("one").Jwk(), ",", twin.Jwk(), ",", twin.Jwk()));
  EXPECT_EQ(keys.by_id.size(), 1u);
  EXPECT_TRUE(keys.by_id.contains("good"));
  EXPECT_THAT(keys.skipped, ElementsAre("one: kid given twice", "one: kid given twice"));
}

TEST(Jwks, TheSameKeyTwiceIsOneKey) {
  const KeySet keys = ParseBeside(absl::StrCat(SharedKey("one").Jwk(), ",", SharedKey("one").Jwk()));
  EXPECT_TRUE(keys.by_id.contains("one"));
  EXPECT_THAT(keys.skipped, IsEmpty());
}

TEST(Jwks, AnOddKeyIsLostAndNoOther) {
  const SigningKey& one = SharedKey("one");
  for (const std::string& odd : {
           one.Jwk("sig", "RS256", R"(,"kid":"two")"),
           one.Jwk("sig", "RS256", R"(,"x":{"y":1,"y":2})"),
           one.Jwk("sig", "RS256", R"(,"x":[[[[[[[[1]]]]]]]])"),
           std::string("[]"),
           std::string("17"),
           std::string(R"({"kid":17,"kty":"RSA"})"),
       }) {
    const KeySet keys = ParseBeside(odd);
    EXPECT_EQ(keys.by_id.size(), 1u) << odd;
    EXPECT_TRUE(keys.by_id.contains("good")) << odd;
    EXPECT_EQ(keys.skipped.size(), 1u) << odd;
  }
  EXPECT_TRUE(
      ParseBeside(one.Jwk("sig", "RS256", R"(,"serial":123456789012345678901234567890)")).by_id.contains("one"));
}

TEST(Jwks, AnEncryptionKeyMayShareAKeyIdWithASigningKey) {
  const KeySet keys = ParseBeside(absl::StrCat(SharedKey("one").Jwk("enc"), ",", SharedKey("one").Jwk()));
  EXPECT_TRUE(keys.by_id.contains("one"));
}

TEST(Jwks, RefusesDocumentsThatAreNone) {
  const auto error = [](std::string_view document) { return std::string(ParseJwks(document).status().message()); };
  EXPECT_THAT(error(""), HasSubstr("not valid JSON"));
  EXPECT_THAT(error("<html>"), HasSubstr("not valid JSON"));
  EXPECT_THAT(error("[]"), HasSubstr("not an object"));
  EXPECT_THAT(error("{}"), HasSubstr("no list `keys`"));
  EXPECT_THAT(error(R"({"keys":{}})"), HasSubstr("no list `keys`"));
  EXPECT_THAT(error(R"({"keys":[]})"), HasSubstr("no usable key"));
  EXPECT_THAT(error(Document(SharedKey("one").Jwk("enc"))), HasSubstr("no usable key"));
  EXPECT_THAT(error(R"({"keys":[],"keys":[]})"), HasSubstr("given twice"));
  EXPECT_THAT(error(std::string(kJwksBytesMax + 1, ' ')), HasSubstr("over 256 KiB"));
  EXPECT_THAT(error(absl::StrCat("{\"keys\":", std::string(9, '['), std::string(9, ']'), "}")),
              HasSubstr("no usable key"));
}

TEST(Jwks, BoundsTheNumberOfKeys) {
  std::string many = SharedKey("one").Jwk();
  for (size_t i = 0; i < kJwksKeysMax; ++i) absl::StrAppend(&many, ",{}");
  EXPECT_THAT(std::string(ParseJwks(Document(many)).status().message()), HasSubstr("over 64 keys"));
}

TEST(Jwks, WhatItSaysOfAKeyIsFitForALog) {
  const KeySet keys = ParseBeside(R"({"kty":"EC","kid":"a\n\u001b[31m"})");
  EXPECT_THAT(keys.skipped, ElementsAre("a\\n\\x1b[31m: kty is not RSA"));
  EXPECT_EQ(ParseBeside(absl::StrCat(R"({"kty":"EC","kid":")", std::string(5000, 'x'), "\"}")).skipped[0],
            absl::StrCat(std::string(64, 'x'), ": kid over 256 bytes"));
}

}  // namespace
}  // namespace stratus::auth
