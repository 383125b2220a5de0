// Envelope encryption of what the store keeps: AES-256-GCM with a data key a stack, which the key-encryption key wraps.
//
// A sealed text is self-contained: version, key id, wrapped data key, nonce, ciphertext, tag. The `context` (for
// example `state/<stack uid>/<serial>`) is authenticated with it: a text that was moved to another stack or serial does
// not open.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stratus::provisioning::store {

// Wraps and unwraps data keys: a file's key here, AWS KMS or another HSM behind the same two functions.
class KeyWrapper {
 public:
  virtual ~KeyWrapper() = default;
  // Names the key that Wrap uses; at most 64 bytes. Old ids must still be known to Unwrap after a rotation.
  virtual std::string id() const = 0;
  virtual absl::StatusOr<std::string> Wrap(std::string_view data_key) = 0;
  virtual absl::StatusOr<std::string> Unwrap(std::string_view id, std::string_view wrapped) = 0;
};

// Keys from a file: one a line, `ID:BASE64` of 32 bytes; the first wraps, all unwrap. Refused when others may read it.
absl::StatusOr<std::unique_ptr<KeyWrapper>> KeysFromFile(const std::string& path);
// Makes such a file (0600) with one random key where there is none.
absl::Status CreateKeyFile(const std::string& path);

class Sealer {
 public:
  // `wrapper` outlives it.
  explicit Sealer(KeyWrapper* wrapper);
  ~Sealer();

  absl::StatusOr<std::string> Seal(std::string_view context, std::string_view plain);
  // DATA_LOSS: not sealed by one of our keys for this context, or changed since.
  absl::StatusOr<std::string> Open(std::string_view context, std::string_view sealed);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stratus::provisioning::store
