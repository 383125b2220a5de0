// AES-256-GCM over OpenSSL: a text with its nonce and tag, as bytes.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stratus::provisioning::store {

// 256 bits that are wiped from memory when they go.
class AesKey {
 public:
  static constexpr size_t kBytes = 32;

  // `bytes` has kBytes of them.
  explicit AesKey(std::string_view bytes);
  ~AesKey();
  AesKey(const AesKey& other) = default;
  AesKey& operator=(const AesKey& other) = default;

  static AesKey Random();
  const unsigned char* data() const { return bytes_.data(); }
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes_.data()), kBytes}; }

 private:
  AesKey() = default;
  std::array<unsigned char, kBytes> bytes_ = {};
};

// What Encrypt adds to a text: 12 bytes of nonce before it, 16 of tag behind it.
inline constexpr size_t kGcmOverheadBytes = 28;

// nonce, ciphertext, tag. The nonce is random: one key is good for 2^32 texts. `context` is authenticated, not stored.
absl::StatusOr<std::string> Encrypt(const AesKey& key, std::string_view context, std::string_view plain);

// DATA_LOSS: made with another key or context, or changed since.
absl::StatusOr<std::string> Decrypt(const AesKey& key, std::string_view context, std::string_view sealed);

}  // namespace stratus::provisioning::store
