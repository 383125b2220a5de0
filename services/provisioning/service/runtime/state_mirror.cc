#include "services/provisioning/service/runtime/state_mirror.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/core/log.h"
#include "lib/core/random.h"
#include "lib/core/status.h"
#include "services/provisioning/remote_state/aws_signature.h"
#include "services/provisioning/service/runtime/state_document.h"

namespace stratus::provisioning::service {
namespace {

using Kind = StateMirror::Standing::Kind;
using remote_state::StateOf;

constexpr int kWriteTriesMax = 3;
constexpr char kNoRun[] = "-";

std::string Sha256Hex(std::string_view text) {
  return absl::BytesToHexString(core::ToAbsl(remote_state::Sha256(text)));
}

StateOf Of(const store::StackRow& stack) { return {stack.tenant, stack.uid}; }

}  // namespace

absl::StatusOr<StateMirror::Standing> StateMirror::Compare(const store::StackRow& stack) {
  auto object = remote_.Read(Of(stack));
  if (!object.ok()) return object.status();
  const bool any_version = stack.state_serial > 0;
  if (!object->has_value()) return Standing{any_version ? Kind::kBehind : Kind::kInStep};
  Standing standing{Kind::kAhead, std::move((*object)->body), std::move((*object)->etag)};
  const auto refused = [&](absl::string_view why) {
    return absl::FailedPreconditionError(
        absl::StrCat(remote_.AddressOf(Of(stack)), " was changed by somebody else: ", why,
                     ". Put the stack's newest version back there, or one that follows on it"));
  };
  absl::StatusOr<StateDocument> there = ReadState(standing.text);
  if (!there.ok()) return refused(there.status().message());
  if (!any_version) return standing;
  absl::StatusOr<store::StateVersionRow> newest = store_.GetStateVersion(stack.uid, stack.state_serial);
  if (!newest.ok()) return newest.status();
  const std::string sha256 = Sha256Hex(standing.text);
  if (sha256 == newest->record.sha256()) {
    standing.kind = Kind::kInStep;
    return standing;
  }
  if (there->lineage != newest->record.lineage()) return refused("it is of another lineage");
  if (there->serial > stack.state_serial) return standing;
  absl::StatusOr<store::StateVersionRow> former = store_.GetStateVersion(stack.uid, there->serial);
  if (!former.ok() && !absl::IsNotFound(former.status())) return former.status();
  if (!former.ok() || former->record.sha256() != sha256) {
    return refused(absl::StrCat("its serial ", there->serial, " is not newer than ", stack.state_serial,
                                ", the stack's, and it is none of the stack's versions"));
  }
  standing.kind = Kind::kBehind;
  return standing;
}

absl::Status StateMirror::Follow(const store::StackRow& stack, std::string_view text) {
  std::string followed;  // the hash of the newest version
  if (stack.state_serial > 0) {
    absl::StatusOr<store::StateVersionRow> newest = store_.GetStateVersion(stack.uid, stack.state_serial);
    if (!newest.ok()) return newest.status();
    followed = newest->record.sha256();
  }
  absl::Status written;
  for (int tries = 0; tries < kWriteTriesMax; ++tries) {
    const auto object = remote_.Read(Of(stack));
    if (!object.ok()) return object.status();
    std::string etag;
    if (object->has_value()) {
      if ((*object)->body == text) return remote_.EnsureDigest(Of(stack), text);
      if (Sha256Hex((*object)->body) != followed) {
        return absl::AbortedError(
            absl::StrCat(remote_.AddressOf(Of(stack)), " was changed by somebody else while the run had its lock"));
      }
      etag = (*object)->etag;
    }
    written = remote_.Write(Of(stack), text, etag);
    if (!absl::IsAborted(written)) return written;
  }
  return written;
}

absl::Status StateMirror::CatchUp(const store::StackRow& stack, const Standing& standing, std::string_view newest) {
  const absl::Status written = remote_.Write(Of(stack), newest, standing.etag);
  if (!written.ok()) return written;
  core::Log(core::Severity::kInfo, "the bucket got the stack's newest state",
            {{"stack", stack.uid}, {"serial", stack.state_serial}});
  return absl::OkStatus();
}

absl::Status StateMirror::EnsureDigest(const store::StackRow& stack, std::string_view text) {
  return remote_.EnsureDigest(Of(stack), text);
}

absl::StatusOr<std::optional<std::string>> StateMirror::Lock(const store::StackRow& stack, std::string_view run_uid,
                                                             std::string_view lock_info) {
  return remote_.Lock(Of(stack), {stack.uid, std::string(run_uid.empty() ? kNoRun : run_uid), stack.epoch}, lock_info);
}

absl::Status StateMirror::Unlock(const store::StackRow& stack, std::string_view lock_id) {
  return remote_.Unlock(Of(stack), lock_id);
}

void StateMirror::Forget(const store::StackRow& stack) {
  const std::string id = core::RandomHex(16);
  const auto held = Lock(stack, "", remote_state::NewLockInfo(id, "DeleteStack", absl::Now()));
  absl::Status status = held.status();
  if (held.ok() && held->has_value()) status = absl::FailedPreconditionError("somebody else has locked it");
  if (status.ok()) {
    status = remote_.Remove(Of(stack));
    status.Update(Unlock(stack, id));
  }
  if (status.ok()) return;
  core::Log(core::Severity::kWarning, "the state of a stack that is deleted stays in the bucket",
            {{"state", remote_.AddressOf(Of(stack))}, {"reason", core::ToStd(status.message())}});
}

}  // namespace stratus::provisioning::service
