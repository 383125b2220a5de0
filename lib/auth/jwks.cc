#include "lib/auth/jwks.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "lib/auth/base64url.h"
#include "lib/auth/strict_json.h"
#include "lib/core/status.h"

namespace stratus::auth {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr int kKeyJsonDepthMax = 6;  // of one key

// The member's text; nullopt-like: false when it is absent or of another type.
bool GetString(const object& members, std::string_view name, std::string_view* out) {
  element value;
  return members.at_key(name).get(value) == simdjson::SUCCESS && value.get_string().get(*out) == simdjson::SUCCESS;
}

bool Has(const object& members, std::string_view name) { return members.at_key(name).error() == simdjson::SUCCESS; }

bool AbsentOrIs(const object& members, std::string_view name, std::string_view expected) {
  std::string_view text;
  return !Has(members, name) || (GetString(members, name, &text) && text == expected);
}

bool MayVerify(const object& members) {
  if (!Has(members, "key_ops")) return true;
  simdjson::dom::array operations;
  if (members.at_key("key_ops").get_array().get(operations) != simdjson::SUCCESS) return false;
  for (const element operation : operations) {
    std::string_view text;
    if (operation.get_string().get(text) == simdjson::SUCCESS && text == "verify") return true;
  }
  return false;
}

absl::StatusOr<std::shared_ptr<const RsaPublicKey>> ParseKey(const object& members) {
  std::string_view text;
  if (!GetString(members, "kty", &text) || text != "RSA") return absl::InvalidArgumentError("kty is not RSA");
  if (!AbsentOrIs(members, "use", "sig")) return absl::InvalidArgumentError("use is not sig");
  if (!AbsentOrIs(members, "alg", "RS256")) return absl::InvalidArgumentError("alg is not RS256");
  if (!MayVerify(members)) return absl::InvalidArgumentError("key_ops does not hold verify");
  if (Has(members, "d")) return absl::InvalidArgumentError("a private key stands in a public document");
  std::string modulus;
  std::string exponent;
  if (!GetString(members, "n", &text) || !DecodeBase64Url(text, &modulus)) {
    return absl::InvalidArgumentError("n is not base64url");
  }
  if (!GetString(members, "e", &text) || !DecodeBase64Url(text, &exponent)) {
    return absl::InvalidArgumentError("e is not base64url");
  }
  return RsaPublicKey::Create(modulus, exponent);
}

// What an issuer wrote, made fit for a log line.
std::string Printable(std::string_view kid) { return absl::CHexEscape(core::ToAbsl(kid.substr(0, 64))); }

class KeySetBuilder {
 public:
  void Add(const element& item) {
    object members;
    std::string_view kid;
    if (item.get_object().get(members) != simdjson::SUCCESS) return Skip("", "not an object");
    if (const Verdict verdict = StrictJsonReader::CheckObject(members, kKeyJsonDepthMax); !verdict.ok()) {
      return Skip("", verdict.reason());
    }
    if (!GetString(members, "kid", &kid) || kid.empty()) return Skip("", "no kid");
    if (kid.size() > kKeyIdBytesMax) return Skip(kid, "kid over 256 bytes");
    auto key = ParseKey(members);
    if (!key.ok()) return Skip(kid, core::ToStd(key.status().message()));
    if (ambiguous_.contains(core::ToAbsl(kid))) return Skip(kid, "kid given twice");
    const auto [held, added] = keys_.by_id.try_emplace(std::string(kid), *key);
    // The same key once more is no harm; of two different ones nobody can tell which is meant.
    if (!added && !held->second->SameMaterial(**key)) {
      ambiguous_.insert(std::string(kid));
      keys_.by_id.erase(std::string(kid));
      Skip(kid, "kid given twice");
    }
  }

  KeySet Take() { return std::move(keys_); }

 private:
  void Skip(std::string_view kid, std::string_view why) {
    keys_.skipped.push_back(absl::StrCat(Printable(kid), ": ", core::ToAbsl(why)));
  }

  KeySet keys_;
  absl::flat_hash_set<std::string> ambiguous_;
};

}  // namespace

absl::StatusOr<KeySet> ParseJwks(std::string_view document) {
  if (document.size() > kJwksBytesMax) return absl::InvalidArgumentError("JWKS document over 256 KiB");
  StrictJsonReader reader;
  object root;
  Verdict verdict = reader.ParseUnchecked(document, &root);
  // Of two lists `keys`, which one counts would depend on the reader. Within a key the harm ends at that key.
  if (verdict.ok()) verdict = StrictJsonReader::CheckNames(root);
  if (!verdict.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("JWKS document: ", verdict.reason()));
  }
  simdjson::dom::array items;
  if (root.at_key("keys").get_array().get(items) != simdjson::SUCCESS) {
    return absl::InvalidArgumentError("JWKS document has no list `keys`");
  }
  KeySetBuilder builder;
  size_t count = 0;
  for (const element item : items) {
    if (++count > kJwksKeysMax) return absl::InvalidArgumentError("JWKS document holds over 64 keys");
    builder.Add(item);
  }
  KeySet keys = builder.Take();
  if (keys.by_id.empty()) return absl::InvalidArgumentError("JWKS document holds no usable key");
  return keys;
}

}  // namespace stratus::auth
