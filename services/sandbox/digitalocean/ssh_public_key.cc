#include "services/sandbox/digitalocean/ssh_public_key.h"

#include <openssl/evp.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"

namespace stratus::sandbox::digitalocean {
namespace {

constexpr size_t kEd25519Bytes = 32;
// Parts of a blob after its type (RFC 4253, 6.6; RFC 5656, 3.1; RFC 8709, 4).
struct KeyType {
  std::string_view name;
  size_t parts;
};
constexpr KeyType kTypes[] = {{"ssh-rsa", 2},
                              {"ssh-dss", 4},
                              {"ecdsa-sha2-nistp256", 2},
                              {"ecdsa-sha2-nistp384", 2},
                              {"ecdsa-sha2-nistp521", 2},
                              {"ssh-ed25519", 1}};

absl::Status Malformed() {
  return absl::InvalidArgumentError("Key invalid, key should be of the format `type key [comment]`");
}

// The length-prefixed strings that a blob is made of; nothing when they do not fill it exactly.
std::optional<std::vector<std::string_view>> SplitBlob(std::string_view blob) {
  std::vector<std::string_view> parts;
  while (!blob.empty()) {
    if (blob.size() < 4) return std::nullopt;
    size_t length = 0;
    for (int i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(blob[i]);
    blob.remove_prefix(4);
    if (length > blob.size()) return std::nullopt;
    parts.push_back(blob.substr(0, length));
    blob.remove_prefix(length);
  }
  return parts;
}

std::string Fingerprint(std::string_view blob) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  EVP_Digest(blob.data(), blob.size(), digest, &length, EVP_md5(), nullptr);
  std::string text;
  for (unsigned int i = 0; i < length; ++i) absl::StrAppendFormat(&text, "%s%02x", i == 0 ? "" : ":", digest[i]);
  return text;
}

}  // namespace

absl::StatusOr<SshPublicKey> ParseSshPublicKey(std::string_view text) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(core::ToAbsl(text), absl::ByAnyChar(" \t"), absl::SkipEmpty());
  if (text.find_first_of("\r\n") != text.npos && !text.starts_with("---")) return Malformed();
  if (words.size() < 2) return Malformed();
  const auto* type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                  [&](const KeyType& known) { return known.name == core::ToStd(words[0]); });
  if (type == std::end(kTypes)) {
    return absl::InvalidArgumentError(
        "Key invalid type, we support 'ssh-rsa', 'ssh-dss', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', "
        "'ecdsa-sha2-nistp521', or 'ssh-ed25519'");
  }
  std::string blob;
  if (!absl::Base64Unescape(words[1], &blob)) return Malformed();
  const auto parts = SplitBlob(blob);
  if (!parts || parts->size() != type->parts + 1) return Malformed();
  if (parts->front() != type->name) return Malformed();
  if (type->name == "ssh-ed25519" && parts->back().size() != kEd25519Bytes) return Malformed();
  return SshPublicKey{std::string(type->name), Fingerprint(blob)};
}

}  // namespace stratus::sandbox::digitalocean
