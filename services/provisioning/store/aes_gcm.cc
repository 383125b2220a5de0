#include "services/provisioning/store/aes_gcm.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "absl/strings/str_cat.h"

namespace stratus::provisioning::store {
namespace {

constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
constexpr size_t kPlainBytesMax = size_t{1} << 30;  // OpenSSL counts in int

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

unsigned char* Raw(std::string* text, size_t offset) { return reinterpret_cast<unsigned char*>(text->data() + offset); }
const unsigned char* Raw(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

AesKey::AesKey(std::string_view bytes) {
  // Keys of another length are a broken invariant: every reader has checked.
  if (bytes.size() != kBytes) std::abort();
  std::copy(bytes.begin(), bytes.end(), bytes_.begin());
}

AesKey::~AesKey() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

AesKey AesKey::Random() {
  AesKey key;
  // No key is better than a guessable one.
  if (RAND_priv_bytes(key.bytes_.data(), kBytes) != 1) std::abort();
  return key;
}

absl::StatusOr<std::string> Encrypt(const AesKey& key, std::string_view context, std::string_view plain) {
  if (plain.size() > kPlainBytesMax) {
    return absl::ResourceExhaustedError(absl::StrCat("a text of ", plain.size(), " bytes is too long to seal"));
  }
  std::string sealed(kNonceBytes + plain.size() + kTagBytes, '\0');
  const Context cipher(EVP_CIPHER_CTX_new());
  int length = 0;
  const bool done =
      cipher != nullptr && RAND_bytes(Raw(&sealed, 0), kNonceBytes) == 1 &&
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.data(), Raw(&sealed, 0)) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &length, Raw(context), static_cast<int>(context.size())) == 1 &&
      EVP_EncryptUpdate(cipher.get(), Raw(&sealed, kNonceBytes), &length, Raw(plain), static_cast<int>(plain.size())) ==
          1 &&
      EVP_EncryptFinal_ex(cipher.get(), Raw(&sealed, kNonceBytes + plain.size()), &length) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, Raw(&sealed, kNonceBytes + plain.size())) == 1;
  if (!done) return absl::InternalError("OpenSSL could not encrypt");
  return sealed;
}

absl::StatusOr<std::string> Decrypt(const AesKey& key, std::string_view context, std::string_view sealed) {
  const absl::Status refused =
      absl::DataLossError("the sealed text was made with another key or for another context, or was changed");
  if (sealed.size() < kNonceBytes + kTagBytes || sealed.size() > kPlainBytesMax + kGcmOverheadBytes) return refused;
  const std::string_view text = sealed.substr(kNonceBytes, sealed.size() - kNonceBytes - kTagBytes);
  std::string tag(sealed.substr(kNonceBytes + text.size()));
  std::string plain(text.size() + 1, '\0');  // never empty: OpenSSL takes a null output for associated data
  const Context cipher(EVP_CIPHER_CTX_new());
  int length = 0;
  const bool done =
      cipher != nullptr && EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.data(), Raw(sealed)) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &length, Raw(context), static_cast<int>(context.size())) == 1 &&
      EVP_DecryptUpdate(cipher.get(), Raw(&plain, 0), &length, Raw(text), static_cast<int>(text.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), Raw(&plain, text.size()), &length) == 1;
  if (!done) {
    OPENSSL_cleanse(plain.data(), plain.size());
    return refused;
  }
  plain.pop_back();
  return plain;
}

}  // namespace stratus::provisioning::store
