#include "services/sandbox/signing_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "absl/strings/escaping.h"
#include "lib/core/status.h"

namespace stratus::sandbox {
namespace {

constexpr unsigned kKeyBits = 2048;
constexpr size_t kKeysMax = 5;

std::string Base64Url(std::string_view bytes) {
  std::string text = absl::WebSafeBase64Escape(core::ToAbsl(bytes));
  while (text.ends_with('=')) text.pop_back();
  return text;
}

// A number of the key as big-endian bytes without leading zeros, in base64url; empty on failure.
std::string NumberText(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &number) != 1) return {};
  const std::unique_ptr<BIGNUM, void (*)(BIGNUM*)> owned(number, BN_free);
  std::string bytes(BN_num_bytes(number), '\0');
  BN_bn2bin(number, reinterpret_cast<unsigned char*>(bytes.data()));
  return Base64Url(bytes);
}

}  // namespace

void SigningKey::Free::operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }

absl::StatusOr<std::shared_ptr<const SigningKey>> SigningKey::Generate() {
  std::shared_ptr<SigningKey> key(new SigningKey());
  key->key_.reset(EVP_RSA_gen(kKeyBits));
  std::string id(32, '\0');
  if (!key->key_ || RAND_bytes(reinterpret_cast<unsigned char*>(id.data()), static_cast<int>(id.size())) != 1) {
    return absl::InternalError("OpenSSL cannot make an RSA key");
  }
  key->kid_ = absl::Base64Escape(id);
  key->modulus_ = NumberText(key->key_.get(), OSSL_PKEY_PARAM_RSA_N);
  key->exponent_ = NumberText(key->key_.get(), OSSL_PKEY_PARAM_RSA_E);
  if (key->modulus_.empty() || key->exponent_.empty()) return absl::InternalError("OpenSSL gives no public key");
  return std::shared_ptr<const SigningKey>(std::move(key));
}

absl::StatusOr<std::string> SigningKey::Sign(std::string_view text) const {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::string signature(EVP_PKEY_get_size(key_.get()), '\0');
  size_t size = signature.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     reinterpret_cast<const unsigned char*>(text.data()), text.size()) != 1) {
    return absl::InternalError("OpenSSL cannot sign");
  }
  signature.resize(size);
  return signature;
}

KeyRing::Key KeyRing::current() const {
  core::MutexLock lock(mutex_);
  return keys_.front();
}

std::vector<KeyRing::Key> KeyRing::published() const {
  core::MutexLock lock(mutex_);
  return keys_;
}

absl::StatusOr<KeyRing::Key> KeyRing::Rotate(bool drop_old) {
  auto key = SigningKey::Generate();  // slow, so outside the lock
  if (!key.ok()) return key.status();
  core::MutexLock lock(mutex_);
  if (drop_old) keys_.clear();
  keys_.insert(keys_.begin(), *key);
  if (keys_.size() > kKeysMax) keys_.resize(kKeysMax);
  return *key;
}

}  // namespace stratus::sandbox
