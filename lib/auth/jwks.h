// A JWKS document (RFC 7517) parsed to the keys that may verify tokens.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "lib/auth/rsa_public_key.h"

namespace stratus::auth {

inline constexpr size_t kJwksBytesMax = 256 * 1024;
inline constexpr size_t kJwksKeysMax = 64;
inline constexpr size_t kKeyIdBytesMax = 256;

struct KeySet {
  // By `kid`, compared byte for byte: it may hold `=`, `+` and `/`.
  absl::flat_hash_map<std::string, std::shared_ptr<const RsaPublicKey>> by_id;
  // Keys passed over, each as "kid: why", for the log. A key of a wrong kind spoils no other key.
  std::vector<std::string> skipped;
};

// A key counts when `kty` is RSA, `use` (when present) is sig, `alg` (when present) is RS256, `key_ops` (when present)
// holds verify, and its numbers are within RsaPublicKey's bounds. Two usable keys of one `kid` are both passed over:
// which of them signed would be a guess. INVALID_ARGUMENT when the document is not a JWKS, is over a limit, or leaves
// no usable key.
absl::StatusOr<KeySet> ParseJwks(std::string_view document);

}  // namespace stratus::auth
