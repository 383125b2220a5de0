#include "services/provisioning/remote_state/remote_state.h"

#include <openssl/evp.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/core/status.h"

namespace stratus::provisioning::remote_state {
namespace {

constexpr int kLockTriesMax = 4;
constexpr char kDigest[] = "Digest";

std::string Md5Hex(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_md5(), nullptr);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), size));
}

// One segment of a key: never a slash, `.` or `..`, which some would take for folders.
std::string Segment(std::string_view name) {
  const bool dots = name.find_first_not_of('.') == name.npos;
  std::string segment;
  for (const char c : name) {
    const bool plain =
        absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || (c == '.' && !dots);
    if (plain) {
      segment.push_back(c);
    } else {
      absl::StrAppendFormat(&segment, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return segment;
}

bool IsPast(const LockMark& mark, const LockMark& present) {
  return mark.stack_uid == present.stack_uid && mark.epoch <= present.epoch;
}

}  // namespace

RemoteState::RemoteState(http_client::Client* http, const Options& options)
    : prefix_(options.prefix),
      credentials_(options.credentials.key_id.empty() ? RoleCredentials(http, options.environment, options.region)
                                                      : FixedCredentials(options.credentials)),
      bucket_(http, {.bucket = options.bucket,
                     .region = options.region,
                     .endpoint = options.endpoint,
                     .kms_key = options.kms_key,
                     .credentials = credentials_.get()}) {
  if (options.lock_table.empty()) {
    locks_ = LockInBucket(&bucket_);
    return;
  }
  table_.emplace(
      http, DynamoTable::Options{.table = options.lock_table,
                                 .region = options.region,
                                 .endpoint = options.lock_endpoint.empty() ? options.endpoint : options.lock_endpoint,
                                 .credentials = credentials_.get()});
  locks_ = LockInTable(&*table_, options.bucket);
}

absl::Status RemoteState::Check() {
  if (absl::Status status = bucket_.Check(); !status.ok()) return status;
  return table_ ? table_->Check() : absl::OkStatus();
}

std::string RemoteState::KeyOf(const StateOf& state) const {
  return absl::StrCat(prefix_, prefix_.empty() ? "" : "/", Segment(state.tenant), "/", state.stack_uid, ".tfstate");
}

std::string RemoteState::AddressOf(const StateOf& state) const {
  return absl::StrCat("s3://", bucket_.name(), "/", KeyOf(state));
}

std::string RemoteState::DigestIdOf(const StateOf& state) const {
  return absl::StrCat(bucket_.name(), "/", KeyOf(state), "-md5");
}

absl::StatusOr<std::optional<RemoteState::Object>> RemoteState::Read(const StateOf& state) {
  auto object = bucket_.Get(KeyOf(state));
  if (absl::IsNotFound(object.status())) return std::nullopt;
  if (!object.ok()) return object.status();
  if (object->body.empty()) return std::nullopt;  // as the engine takes it
  return *std::move(object);
}

absl::Status RemoteState::Write(const StateOf& state, std::string_view text, std::string_view etag) {
  absl::Status written = bucket_.Put(KeyOf(state), text, etag);
  if (absl::IsAborted(written)) {
    // A try whose answer was lost may have been the one that wrote it.
    const auto there = Read(state);
    if (!there.ok()) return there.status();
    if (there->has_value() && (*there)->body == text) written = absl::OkStatus();
  }
  return written.ok() ? EnsureDigest(state, text) : written;
}

absl::Status RemoteState::EnsureDigest(const StateOf& state, std::string_view text) {
  if (!table_) return absl::OkStatus();
  const std::string wanted = Md5Hex(text);
  const auto there = table_->Get(DigestIdOf(state), kDigest);
  if (!there.ok()) return there.status();
  return *there == wanted ? absl::OkStatus() : table_->Put(DigestIdOf(state), kDigest, wanted);
}

absl::Status RemoteState::Remove(const StateOf& state) {
  const auto there = Read(state);
  if (!there.ok()) return there.status();
  if (there->has_value()) {
    if (absl::Status removed = bucket_.Remove(KeyOf(state), (*there)->etag); !removed.ok()) return removed;
  }
  return table_ ? table_->Remove(DigestIdOf(state), kDigest, std::nullopt) : absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> RemoteState::Lock(const StateOf& state, const LockMark& mark,
                                                             std::string_view lock_info) {
  const std::string key = KeyOf(state);
  const std::string info = WithMark(lock_info, mark, absl::StrCat(bucket_.name(), "/", key));
  const std::string id = LockIdOf(info);
  if (id.empty()) return absl::InvalidArgumentError("the lock has no ID");
  std::optional<LockPlace::Held> was;
  for (int tries = 0; tries < kLockTriesMax; ++tries) {
    const absl::Status taken = locks_->Replace(key, info, was);
    if (taken.ok()) return std::nullopt;
    if (!absl::IsAborted(taken)) return taken;
    auto held = locks_->Read(key);
    if (!held.ok()) return held.status();
    was = *std::move(held);
    if (!was) continue;  // it has gone meanwhile
    if (LockIdOf(was->info) == id) return std::nullopt;
    const std::optional<LockMark> other = MarkOf(was->info);
    if (!other || !IsPast(*other, mark)) return was->info;
  }
  return absl::UnavailableError(absl::StrCat("the lock of ", AddressOf(state), " goes to and fro: try again"));
}

absl::Status RemoteState::Unlock(const StateOf& state, std::string_view lock_id) {
  const std::string key = KeyOf(state);
  const auto held = locks_->Read(key);
  if (!held.ok()) return held.status();
  if (!held->has_value() || LockIdOf((*held)->info) != lock_id || !MarkOf((*held)->info)) return absl::OkStatus();
  const absl::Status removed = locks_->Remove(key, **held);
  return absl::IsAborted(removed) ? absl::OkStatus() : removed;  // it is another's by now, or gone
}

}  // namespace stratus::provisioning::remote_state
