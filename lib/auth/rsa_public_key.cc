#include "lib/auth/rsa_public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include <atomic>
#include <utility>

namespace stratus::auth {
namespace {

template <auto kFree>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using BigNumber = std::unique_ptr<BIGNUM, Freer<BN_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Freer<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freer<OSSL_PARAM_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;

std::atomic<uint64_t> g_next_serial{1};

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

BigNumber ToBigNumber(std::string_view bytes) {
  return BigNumber(BN_bin2bn(Bytes(bytes), static_cast<int>(bytes.size()), nullptr));
}

absl::Status CheckNumbers(const BIGNUM& modulus, const BIGNUM& exponent) {
  const int bits = BN_num_bits(&modulus);
  if (bits < RsaPublicKey::kModulusBitsMin) return absl::InvalidArgumentError("RSA key under 2048 bits");
  if (bits > RsaPublicKey::kModulusBitsMax) return absl::InvalidArgumentError("RSA key over 8192 bits");
  if (!BN_is_odd(&modulus)) return absl::InvalidArgumentError("RSA modulus is even");
  if (!BN_is_odd(&exponent) || BN_is_one(&exponent) || BN_num_bits(&exponent) > RsaPublicKey::kExponentBitsMax) {
    return absl::InvalidArgumentError("RSA exponent is not an odd number from 3 to 2^32");
  }
  return absl::OkStatus();
}

Key MakeKey(const BIGNUM& modulus, const BIGNUM& exponent) {
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, &modulus) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, &exponent) != 1) {
    return nullptr;
  }
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return Key(key);
}

}  // namespace

void RsaPublicKey::FreeContext::operator()(evp_pkey_ctx_st* context) const { EVP_PKEY_CTX_free(context); }

RsaPublicKey::RsaPublicKey(std::string modulus, std::string exponent, Context prepared)
    : modulus_(std::move(modulus)),
      exponent_(std::move(exponent)),
      serial_(g_next_serial.fetch_add(1, std::memory_order_relaxed)),
      prepared_(std::move(prepared)) {}

absl::StatusOr<std::shared_ptr<const RsaPublicKey>> RsaPublicKey::Create(std::string_view modulus,
                                                                         std::string_view exponent) {
  // Bounded before BN_bin2bn: its length is an int.
  if (modulus.size() > 2 * kModulusBitsMax / 8 || exponent.size() > 2 * kModulusBitsMax / 8) {
    return absl::InvalidArgumentError("RSA key over 8192 bits");
  }
  const BigNumber n = ToBigNumber(modulus);
  const BigNumber e = ToBigNumber(exponent);
  if (n == nullptr || e == nullptr) return absl::InternalError("OpenSSL has no memory for an RSA key");
  if (const absl::Status status = CheckNumbers(*n, *e); !status.ok()) return status;
  const Key key = MakeKey(*n, *e);
  Context prepared(key == nullptr ? nullptr : EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (prepared == nullptr || EVP_PKEY_verify_init(prepared.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(prepared.get(), RSA_PKCS1_PADDING) != 1 ||
      EVP_PKEY_CTX_set_signature_md(prepared.get(), EVP_sha256()) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError("OpenSSL refuses the RSA key");
  }
  return std::shared_ptr<const RsaPublicKey>(
      new RsaPublicKey(std::string(modulus), std::string(exponent), std::move(prepared)));
}

bool RsaPublicKey::Verify(std::string_view signing_input, std::string_view signature) const {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(Bytes(signing_input), signing_input.size(), digest);
  const Context context(EVP_PKEY_CTX_dup(prepared_.get()));
  const bool valid = context != nullptr &&
                     EVP_PKEY_verify(context.get(), Bytes(signature), signature.size(), digest, sizeof(digest)) == 1;
  // Forged tokens must not fill this thread's error queue, where later OpenSSL calls would find their entries.
  if (!valid) ERR_clear_error();
  return valid;
}

}  // namespace stratus::auth
