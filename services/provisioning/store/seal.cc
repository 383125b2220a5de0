#include "services/provisioning/store/seal.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"
#include "services/provisioning/store/aes_gcm.h"
#include "services/provisioning/store/key_cache.h"

namespace stratus::provisioning::store {
namespace {

// A sealed text: version (1 byte), length of the key id (1), key id, length of the wrapped key (2, big-endian), wrapped
// key, then nonce, ciphertext and tag. Everything before the nonce is authenticated along with the context.
constexpr char kVersion = 1;
constexpr size_t kIdBytesMax = 64;
constexpr size_t kWrappedBytesMax = 8192;
constexpr size_t kKeysMax = 1024;

// A data key that seals, and its wrapped form.
struct SealingKey {
  std::string id;
  std::string wrapped;
  AesKey key;
};

struct OpeningKey {
  AesKey key;
};

struct Parts {
  std::string_view head, id, wrapped, body;
};

absl::Status Refused() { return absl::DataLossError("this is not a text that we have sealed"); }

std::string Head(const SealingKey& key) {
  const size_t length = key.wrapped.size();
  return absl::StrCat(std::string(1, kVersion), std::string(1, static_cast<char>(key.id.size())), key.id,
                      std::string(1, static_cast<char>(length >> 8)), std::string(1, static_cast<char>(length & 0xff)),
                      key.wrapped);
}

absl::StatusOr<Parts> Split(std::string_view sealed) {
  std::string_view rest = sealed;
  const auto number = [&](size_t bytes) {
    size_t value = 0;
    for (size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(rest[i]);
    rest.remove_prefix(bytes);
    return value;
  };
  if (rest.size() < 2 || rest[0] != kVersion) return Refused();
  rest.remove_prefix(1);
  const size_t id_bytes = number(1);
  if (id_bytes > kIdBytesMax || rest.size() < id_bytes + 2) return Refused();
  Parts parts;
  parts.id = rest.substr(0, id_bytes);
  rest.remove_prefix(id_bytes);
  const size_t wrapped_bytes = number(2);
  if (wrapped_bytes > kWrappedBytesMax || rest.size() < wrapped_bytes + kGcmOverheadBytes) return Refused();
  parts.wrapped = rest.substr(0, wrapped_bytes);
  parts.body = rest.substr(wrapped_bytes);
  parts.head = sealed.substr(0, sealed.size() - parts.body.size());
  return parts;
}

// Whose key it is: `state/UID/7` and `outputs/UID` share the key of UID.
std::string OwnerOf(std::string_view context) {
  const std::vector<std::string> segments = absl::StrSplit(core::ToAbsl(context), absl::MaxSplits('/', 2));
  return segments.size() > 1 ? segments[1] : segments[0];
}

}  // namespace

class Sealer::Impl {
 public:
  explicit Impl(KeyWrapper* wrapper) : wrapper_(*wrapper), sealing_(kKeysMax), opening_(kKeysMax) {}

  absl::StatusOr<std::string> Seal(std::string_view context, std::string_view plain) {
    absl::StatusOr<SealingKey> key = KeyFor(OwnerOf(context));
    if (!key.ok()) return key.status();
    const std::string head = Head(*key);
    absl::StatusOr<std::string> body = Encrypt(key->key, absl::StrCat(head, core::ToAbsl(context)), plain);
    if (!body.ok()) return body.status();
    return absl::StrCat(head, *body);
  }

  absl::StatusOr<std::string> Open(std::string_view context, std::string_view sealed) {
    absl::StatusOr<Parts> parts = Split(sealed);
    if (!parts.ok()) return parts.status();
    absl::StatusOr<AesKey> key = Unwrapped(*parts);
    if (!key.ok()) return key.status();
    return Decrypt(*key, absl::StrCat(core::ToAbsl(parts->head), core::ToAbsl(context)), parts->body);
  }

 private:
  // One data key for each owner, as long as it is in the cache and the wrapping key is the current one.
  absl::StatusOr<SealingKey> KeyFor(const std::string& owner) {
    const std::string id = wrapper_.id();
    std::optional<SealingKey> found = sealing_.Find(owner);
    if (found.has_value() && found->id == id) return *std::move(found);
    const AesKey fresh = AesKey::Random();
    absl::StatusOr<std::string> wrapped = wrapper_.Wrap(fresh.view());
    if (!wrapped.ok()) return wrapped.status();
    if (id.size() > kIdBytesMax || wrapped->size() > kWrappedBytesMax) {
      return absl::InternalError("the key wrapper gave an id or a wrapped key that is too long");
    }
    SealingKey made{.id = id, .wrapped = *std::move(wrapped), .key = fresh};
    sealing_.Put(owner, made);
    opening_.Put(absl::StrCat(made.id, "/", made.wrapped), {made.key});
    return made;
  }

  absl::StatusOr<AesKey> Unwrapped(const Parts& parts) {
    const std::string name = absl::StrCat(core::ToAbsl(parts.id), "/", core::ToAbsl(parts.wrapped));
    if (std::optional<OpeningKey> found = opening_.Find(name)) return found->key;
    absl::StatusOr<std::string> plain = wrapper_.Unwrap(parts.id, parts.wrapped);
    if (!plain.ok()) return plain.status();
    if (plain->size() != AesKey::kBytes) return Refused();
    const AesKey key(*plain);
    opening_.Put(name, {key});
    return key;
  }

  KeyWrapper& wrapper_;
  KeyCache<SealingKey> sealing_;  // by owner
  KeyCache<OpeningKey> opening_;  // by key id and wrapped key
};

Sealer::Sealer(KeyWrapper* wrapper) : impl_(std::make_unique<Impl>(wrapper)) {}
Sealer::~Sealer() = default;

absl::StatusOr<std::string> Sealer::Seal(std::string_view context, std::string_view plain) {
  return impl_->Seal(context, plain);
}

absl::StatusOr<std::string> Sealer::Open(std::string_view context, std::string_view sealed) {
  return impl_->Open(context, sealed);
}

}  // namespace stratus::provisioning::store
