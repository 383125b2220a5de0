// Public keys as OpenSSH writes them: `type base64 [comment]`.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stratus::sandbox::digitalocean {

struct SshPublicKey {
  std::string type;
  std::string fingerprint;  // MD5 of the blob, `3b:16:...`
};

// INVALID_ARGUMENT in DigitalOcean's words: a type that it does not take, base64 that is none, a blob that is not of
// the type named, or one that is cut short.
absl::StatusOr<SshPublicKey> ParseSshPublicKey(std::string_view text);

}  // namespace stratus::sandbox::digitalocean
