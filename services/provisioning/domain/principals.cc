#include "services/provisioning/domain/principals.h"

#include <openssl/evp.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::provisioning::domain {
namespace {

constexpr size_t kIdBytesMax = 256;
constexpr size_t kDisplayBytesMax = 256;
constexpr std::string_view kUsers = "users/";
constexpr std::string_view kLegacy = "legacy/";

bool IsPlain(unsigned char c) {
  return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '~' || c == '@' || c == ':' || c == '+' || c == '-';
}

// Of one line, without what could pass for another name. A longer one is its digest: `%sha256-` is no escape, so that
// no id can pass for another's.
std::string Escaped(std::string_view id) {
  std::string escaped;
  for (const char c : id) {
    const auto byte = static_cast<unsigned char>(c);
    if (IsPlain(byte)) {
      escaped.push_back(c);
    } else {
      absl::StrAppend(&escaped, "%", absl::Hex(byte, absl::kZeroPad2));
    }
  }
  if (escaped.size() <= kIdBytesMax) return escaped;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(id.data(), id.size(), digest, &size, EVP_sha256(), nullptr);
  return absl::StrCat("%sha256-",
                      absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), size)));
}

std::string Shortened(std::string_view text) {
  size_t size = std::min(text.size(), kDisplayBytesMax);
  while (size < text.size() && size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return std::string(text.substr(0, size));
}

v1::Principal Make(std::string name, std::string_view display_name, std::string_view issuer) {
  v1::Principal principal;
  principal.set_name(std::move(name));
  principal.set_display_name(Shortened(display_name));
  principal.set_issuer(std::string(issuer));
  return principal;
}

}  // namespace

v1::Principal UserPrincipal(std::string_view subject, std::string_view display_name, std::string_view issuer) {
  return Make(absl::StrCat(core::ToAbsl(kUsers), Escaped(subject)), display_name.empty() ? subject : display_name,
              issuer);
}

v1::Principal ClientPrincipal(std::string_view client_id, std::string_view issuer) {
  return Make(absl::StrCat("clients/", Escaped(client_id)), client_id, issuer);
}

v1::Principal SystemPrincipal() { return Make("system", "the platform", ""); }

v1::Principal AnonymousPrincipal() { return Make("anonymous", "", ""); }

v1::Principal LegacyPrincipal(std::string_view text) {
  return Make(absl::StrCat(core::ToAbsl(kLegacy), Escaped(text)), text, "");
}

bool IsKnown(const v1::Principal& principal) {
  return !principal.name().empty() && !principal.name().starts_with(kLegacy);
}

bool IsUser(const v1::Principal& principal) { return principal.name().starts_with(kUsers); }

bool SamePrincipal(const v1::Principal& a, const v1::Principal& b) {
  return IsKnown(a) && IsKnown(b) && a.name() == b.name() && a.issuer() == b.issuer();
}

}  // namespace stratus::provisioning::domain
