// The issuer's keys: made at start, kept in memory, gone with the process.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/core/mutex.h"

namespace stratus::sandbox {

// An RSA-2048 key that signs with RS256.
class SigningKey {
 public:
  static absl::StatusOr<std::shared_ptr<const SigningKey>> Generate();

  // As Cognito's: base64 of 32 bytes, and so with `=` at the end and `+` and `/` inside.
  const std::string& kid() const { return kid_; }
  // The public half, in unpadded base64url.
  const std::string& modulus() const { return modulus_; }
  const std::string& exponent() const { return exponent_; }

  // The RSASSA-PKCS1-v1_5 signature with SHA-256 over `text`.
  absl::StatusOr<std::string> Sign(std::string_view text) const;

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const;
  };
  SigningKey() = default;

  std::unique_ptr<EVP_PKEY, Free> key_;
  std::string kid_;
  std::string modulus_;
  std::string exponent_;
};

// The key that signs and those still published. Thread-safe.
class KeyRing {
 public:
  using Key = std::shared_ptr<const SigningKey>;

  explicit KeyRing(Key first) : keys_{std::move(first)} {}

  Key current() const;
  // The current key first.
  std::vector<Key> published() const;
  // A new key signs from now on. The old ones stay published, at most four of them, unless they are to be dropped.
  absl::StatusOr<Key> Rotate(bool drop_old);

 private:
  mutable core::Mutex mutex_;
  std::vector<Key> keys_;
};

}  // namespace stratus::sandbox
