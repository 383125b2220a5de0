// An RSA key that verifies RS256 signatures (RSASSA-PKCS1-v1_5 with SHA-256), over OpenSSL.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

struct evp_pkey_ctx_st;

namespace stratus::auth {

class RsaPublicKey {
 public:
  static constexpr int kModulusBitsMin = 2048;
  // A larger key would let whoever controls the key document make each check as slow as they like.
  static constexpr int kModulusBitsMax = 8192;
  static constexpr int kExponentBitsMax = 32;

  // From big-endian bytes. INVALID_ARGUMENT for a modulus out of bounds or even, or an exponent that is even, 1 or too
  // large.
  static absl::StatusOr<std::shared_ptr<const RsaPublicKey>> Create(std::string_view modulus,
                                                                    std::string_view exponent);

  RsaPublicKey(const RsaPublicKey&) = delete;
  RsaPublicKey& operator=(const RsaPublicKey&) = delete;
  ~RsaPublicKey() = default;

  // Safe from any thread. False as well for a signature of another length than the modulus.
  bool Verify(std::string_view signing_input, std::string_view signature) const;

  // Differs between any two keys made in this process: what the token cache knows a key by.
  uint64_t serial() const { return serial_; }

  bool SameMaterial(const RsaPublicKey& other) const {
    return modulus_ == other.modulus_ && exponent_ == other.exponent_;
  }

 private:
  struct FreeContext {
    void operator()(evp_pkey_ctx_st* context) const;
  };
  using Context = std::unique_ptr<evp_pkey_ctx_st, FreeContext>;

  RsaPublicKey(std::string modulus, std::string exponent, Context prepared);

  const std::string modulus_;
  const std::string exponent_;
  const uint64_t serial_;
  // Set up for RS256 once and copied for each check: a copy costs nothing measurable, a fresh set-up 3 µs.
  const Context prepared_;
};

}  // namespace stratus::auth
