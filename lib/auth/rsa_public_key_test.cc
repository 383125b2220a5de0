#include "lib/auth/rsa_public_key.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include "lib/auth/base64url.h"
#include "lib/auth/jwks.h"
#include "lib/auth/testing/token_maker.h"

namespace stratus::auth {
namespace {

std::shared_ptr<const RsaPublicKey> PublicKeyOf(const testing::SigningKey& key) {
  auto keys = ParseJwks(testing::Jwks({&key}));
  EXPECT_TRUE(keys.ok()) << keys.status();
  return keys->by_id.at(key.key_id());
}

struct Signed {
  std::string input;
  std::string signature;
};

Signed Sign(const testing::SigningKey& key) {
  const std::string token = key.Sign("{}");
  const size_t dot = token.rfind('.');
  Signed out{token.substr(0, dot), ""};
  EXPECT_TRUE(DecodeBase64Url(token.substr(dot + 1), &out.signature));
  return out;
}

TEST(RsaPublicKey, VerifiesItsOwnSignaturesOnly) {
  const auto& signer = testing::SharedKey("one");
  const auto key = PublicKeyOf(signer);
  const Signed good = Sign(signer);
  EXPECT_TRUE(key->Verify(good.input, good.signature));
  EXPECT_TRUE(key->Verify(good.input, good.signature));  // and again
  EXPECT_FALSE(key->Verify(good.input + "x", good.signature));
  EXPECT_FALSE(key->Verify("", good.signature));
  EXPECT_FALSE(PublicKeyOf(testing::SharedKey("two"))->Verify(good.input, good.signature));
  for (const size_t at : {size_t{0}, size_t{100}, good.signature.size() - 1}) {
    std::string changed = good.signature;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(key->Verify(good.input, changed)) << at;
  }
}

TEST(RsaPublicKey, RefusesSignaturesOfAnotherLength) {
  const auto& signer = testing::SharedKey("one");
  const auto key = PublicKeyOf(signer);
  const Signed good = Sign(signer);
  for (const size_t size : {size_t{0}, size_t{1}, size_t{255}}) {
    EXPECT_FALSE(key->Verify(good.input, good.signature.substr(0, size))) << size;
  }
  EXPECT_FALSE(key->Verify(good.input, good.signature + std::string(1, '\0')));
  EXPECT_FALSE(key->Verify(good.input, std::string(1, '\0') + good.signature));
  EXPECT_FALSE(key->Verify(good.input, std::string(256, '\0')));
  EXPECT_FALSE(key->Verify(good.input, std::string(256, '\xFF')));
}

TEST(RsaPublicKey, AFailedCheckLeavesNothingInOpenSslsErrorQueue) {
  const auto key = PublicKeyOf(testing::SharedKey("one"));
  ERR_clear_error();
  EXPECT_FALSE(key->Verify("x", std::string(256, 'x')));
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST(RsaPublicKey, RefusesNumbersOutOfBounds) {
  const std::string exponent("\x01\x00\x01", 3);
  std::string modulus(256, '\xC1');
  EXPECT_TRUE(RsaPublicKey::Create(modulus, exponent).ok());
  const auto refused = [](std::string_view n, std::string_view e) {
    return RsaPublicKey::Create(n, e).status().code() == absl::StatusCode::kInvalidArgument;
  };
  EXPECT_TRUE(refused(modulus.substr(1), exponent));  // 2040 bits
  EXPECT_TRUE(refused(std::string(1, '\0') + modulus.substr(1), exponent));
  EXPECT_TRUE(refused(std::string(1, '\x7F') + modulus.substr(1), exponent));  // 2047 bits
  EXPECT_TRUE(refused(std::string(1025, '\xC1'), exponent));
  EXPECT_TRUE(refused(std::string(5000, '\xC1'), exponent));
  EXPECT_TRUE(refused("", exponent));
  EXPECT_TRUE(refused(modulus, ""));
  EXPECT_TRUE(refused(modulus, std::string(1, '\x01')));
  EXPECT_TRUE(refused(modulus, std::string(1, '\x02')));
  EXPECT_TRUE(refused(modulus, std::string("\x01\x00\x00\x00\x01", 5)));
  modulus.back() = '\xC0';
  EXPECT_TRUE(refused(modulus, exponent));
}

TEST(RsaPublicKey, EveryKeyHasASerialOfItsOwn) {
  const auto& signer = testing::SharedKey("one");
  const auto first = PublicKeyOf(signer);
  const auto second = PublicKeyOf(signer);
  EXPECT_NE(first->serial(), second->serial());
  EXPECT_TRUE(first->SameMaterial(*second));
  EXPECT_FALSE(first->SameMaterial(*PublicKeyOf(testing::SharedKey("two"))));
}

}  // namespace
}  // namespace stratus::auth
