#include "services/provisioning/service/runtime/state_credentials.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/core/random.h"
#include "lib/core/status.h"
#include "services/provisioning/service/runtime/private_file.h"

namespace stratus::provisioning::service {
namespace {

constexpr size_t kSecretBytes = 32;
constexpr std::string_view kScheme = "Basic ";

}  // namespace

absl::StatusOr<StateCredentials> StateCredentials::Load(const std::string& data_dir) {
  const std::string path = absl::StrCat(data_dir, "/state-backend.secret");
  absl::StatusOr<std::string> secret = ReadOrCreatePrivateFile(path, [] { return core::RandomHex(kSecretBytes); });
  if (!secret.ok()) return secret.status();
  if (secret->size() < 2 * kSecretBytes) {
    return absl::DataLossError(absl::StrCat(path, " is cut short: remove it when no run is under way"));
  }
  return StateCredentials(*std::move(secret));
}

std::string StateCredentials::Password(std::string_view run_uid) const {
  const std::string message = absl::StrCat("state-backend/", core::ToAbsl(run_uid));
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest, &size);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), size));
}

bool StateCredentials::Allows(std::string_view run_uid, std::string_view authorization) const {
  if (authorization.substr(0, kScheme.size()) != kScheme) return false;
  std::string given;
  if (!absl::Base64Unescape(core::ToAbsl(authorization.substr(kScheme.size())), &given)) return false;
  const std::string expected = absl::StrCat(core::ToAbsl(run_uid), ":", Password(run_uid));
  return given.size() == expected.size() && CRYPTO_memcmp(given.data(), expected.data(), expected.size()) == 0;
}

}  // namespace stratus::provisioning::service
