#include "lib/auth/testing/token_maker.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <cstdlib>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/auth/base64url.h"
#include "lib/core/log.h"
#include "lib/core/status.h"

namespace stratus::auth::testing {
namespace {

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* Bytes(std::string* text) { return reinterpret_cast<unsigned char*>(text->data()); }

// A test that cannot make keys proves nothing: it ends.
void Require(bool ok) {
  if (!ok) std::abort();
}

std::string SignBytes(EVP_PKEY* key, std::string_view input, int padding) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_PKEY_CTX* parameters = nullptr;
  Require(EVP_DigestSignInit(context.get(), &parameters, EVP_sha256(), nullptr, key) == 1);
  Require(EVP_PKEY_CTX_set_rsa_padding(parameters, padding) == 1);
  size_t size = static_cast<size_t>(EVP_PKEY_get_size(key));
  std::string signature(size, '\0');
  Require(EVP_DigestSign(context.get(), Bytes(&signature), &size, Bytes(input), input.size()) == 1);
  signature.resize(size);
  return signature;
}

std::string SigningInput(std::string_view header_json, std::string_view claims_json) {
  return absl::StrCat(EncodeBase64Url(header_json), ".", EncodeBase64Url(claims_json));
}

std::string WithSignature(const std::string& signing_input, std::string_view signature) {
  return absl::StrCat(signing_input, ".", EncodeBase64Url(signature));
}

std::string Quoted(std::string_view text) {
  std::string out;
  core::AppendJsonString(&out, text);
  return out;
}

}  // namespace

void SigningKey::FreeKey::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

SigningKey::SigningKey(std::string key_id, int bits)
    : key_id_(std::move(key_id)), key_(EVP_RSA_gen(static_cast<unsigned int>(bits))) {
  Require(key_ != nullptr);
}

std::string SigningKey::Sign(std::string_view claims_json) const {
  return Sign(absl::StrCat(R"({"alg":"RS256","kid":)", Quoted(key_id_), "}"), claims_json);
}

std::string SigningKey::Sign(std::string_view header_json, std::string_view claims_json) const {
  return SignRaw(SigningInput(header_json, claims_json));
}

std::string SigningKey::SignRaw(std::string_view signing_input) const {
  return WithSignature(std::string(signing_input), SignBytes(key_.get(), signing_input, RSA_PKCS1_PADDING));
}

std::string SigningKey::SignPss(std::string_view header_json, std::string_view claims_json) const {
  const std::string input = SigningInput(header_json, claims_json);
  return WithSignature(input, SignBytes(key_.get(), input, RSA_PKCS1_PSS_PADDING));
}

std::string SigningKey::Number(const char* name) const {
  BIGNUM* number = nullptr;
  Require(EVP_PKEY_get_bn_param(key_.get(), name, &number) == 1);
  std::string bytes(static_cast<size_t>(BN_num_bytes(number)), '\0');
  BN_bn2bin(number, Bytes(&bytes));
  BN_free(number);
  return EncodeBase64Url(bytes);
}

std::string SigningKey::Jwk(std::string_view use, std::string_view alg, std::string_view extra) const {
  const auto member = [](std::string_view name, std::string_view value) {
    return value.empty() ? std::string() : absl::StrCat(",\"", core::ToAbsl(name), "\":", Quoted(value));
  };
  return absl::StrCat(R"({"kty":"RSA","kid":)", Quoted(key_id_), member("use", use), member("alg", alg), R"(,"n":")",
                      Number(OSSL_PKEY_PARAM_RSA_N), R"(","e":")", Number(OSSL_PKEY_PARAM_RSA_E), "\"",
                      core::ToAbsl(extra), "}");
}

std::string SigningKey::PublicPem() const {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  Require(PEM_write_bio_PUBKEY(bio.get(), key_.get()) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

const SigningKey& SharedKey(const std::string& key_id) {
  static core::Mutex mu;
  static std::map<std::string, std::unique_ptr<SigningKey>> keys;
  core::MutexLock lock(mu);
  auto& key = keys[key_id];
  if (key == nullptr) key = std::make_unique<SigningKey>(key_id);
  return *key;
}

std::string Jwks(const std::vector<const SigningKey*>& keys) {
  std::string document = "{\"keys\":[";
  for (const SigningKey* key : keys) absl::StrAppend(&document, key == keys.front() ? "" : ",", key->Jwk());
  return absl::StrCat(document, "]}");
}

std::string SignHs256(std::string_view secret, std::string_view header_json, std::string_view claims_json) {
  const std::string input = SigningInput(header_json, claims_json);
  std::string mac(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  Require(HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), Bytes(input), input.size(), Bytes(&mac),
               &size) != nullptr);
  mac.resize(size);
  return WithSignature(input, mac);
}

std::string AccessClaims(std::string_view issuer, std::string_view client_id, std::string_view scope, absl::Time now,
                         std::string_view extra) {
  const int64_t seconds = absl::ToUnixSeconds(now);
  return absl::StrCat(R"({"sub":)", Quoted(client_id), R"(,"token_use":"access","scope":)", Quoted(scope),
                      R"(,"auth_time":)", seconds, R"(,"iss":)", Quoted(issuer), R"(,"exp":)", seconds + 3600,
                      R"(,"iat":)", seconds,
                      R"(,"version":2,"jti":"7bd5c41b-4e6f-4f8e-9b1c-0a5d3c1e2f40","client_id":)", Quoted(client_id),
                      core::ToAbsl(extra), "}");
}

FakeKeySource::~FakeKeySource() {
  if (held() > 0) Release(absl::CancelledError("the source is going away"));
}

void FakeKeySource::Fetch(Callback done) {
  absl::StatusOr<std::string> document;
  {
    core::MutexLock lock(mu_);
    ++fetches_;
    if (holding_) {
      held_.push_back(std::move(done));
      return;
    }
    document = document_;
  }
  done(std::move(document));
}

void FakeKeySource::Serve(absl::StatusOr<std::string> document) {
  core::MutexLock lock(mu_);
  document_ = std::move(document);
  holding_ = false;
}

void FakeKeySource::Hold() {
  core::MutexLock lock(mu_);
  holding_ = true;
}

void FakeKeySource::Release(absl::StatusOr<std::string> document) {
  std::vector<Callback> held;
  {
    core::MutexLock lock(mu_);
    held.swap(held_);
  }
  for (Callback& done : held) done(document);
}

int FakeKeySource::fetches() const {
  core::MutexLock lock(mu_);
  return fetches_;
}

int FakeKeySource::held() const {
  core::MutexLock lock(mu_);
  return static_cast<int>(held_.size());
}

}  // namespace stratus::auth::testing
