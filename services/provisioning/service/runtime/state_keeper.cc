#include "services/provisioning/service/runtime/state_keeper.h"

#include <openssl/evp.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/service/runtime/state_document.h"
#include "services/provisioning/service/sealed_names.h"

namespace stratus::provisioning::service {
namespace {

constexpr int kVersionsLookedAt = 200;
constexpr size_t kLargeBytes = 1 << 20;

std::string Sha256Hex(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), size));
}

absl::Status NoLease() {
  return absl::AbortedError("the run does not hold its stack's lease any more: nothing that it writes counts");
}

absl::Status TryAgain() { return absl::UnavailableError("the run is being taken over: try again in a moment"); }

}  // namespace

void ClearLock(store::StackRow* stack) {
  stack->lock_id.clear();
  stack->lock_info.clear();
  stack->lock_epoch = 0;
}

std::string StoredLock(std::string_view run_uid, std::string_view lock_id) {
  return std::string(run_uid).append("/").append(lock_id);
}

LockVerdict JudgeLock(const store::StackRow& stack, std::string_view run_uid, std::string_view lock_id) {
  if (stack.lease_run.empty() || stack.lease_run != run_uid) return LockVerdict::kNoLease;
  const bool mine = stack.lock_id == StoredLock(run_uid, lock_id);
  if (stack.lock_id.empty()) return LockVerdict::kFree;
  if (stack.lock_epoch == stack.epoch) return mine ? LockVerdict::kMine : LockVerdict::kAnothers;
  return mine ? LockVerdict::kPending : LockVerdict::kFree;
}

// A version that is ready to be stored, and what it has to follow.
struct StateKeeper::Draft {
  std::string stack_uid;
  int64_t follows = 0;   // the stack's serial that it was checked against; 0: none
  bool repeats = false;  // it is that version
  store::StateVersionRow version;
};

absl::StatusOr<std::string> StateKeeper::Open(std::string_view stack_uid, int64_t serial) {
  absl::StatusOr<store::StateVersionRow> version = store_.GetStateVersion(stack_uid, serial);
  if (!version.ok()) return version.status();
  return sealer_.Open(StateContext(stack_uid, serial), version->sealed);
}

absl::StatusOr<std::optional<std::string>> StateKeeper::Newest(std::string_view stack_uid) {
  absl::StatusOr<store::StackRow> stack = store_.GetStackByUid(stack_uid);
  if (!stack.ok()) return stack.status();
  if (stack->state_serial == 0) return std::nullopt;
  absl::StatusOr<std::string> text = Open(stack_uid, stack->state_serial);
  if (!text.ok()) return text.status();
  return *std::move(text);
}

absl::StatusOr<std::optional<std::string>> StateKeeper::Before(std::string_view stack_uid, std::string_view run_uid) {
  auto versions = store_.ListStateVersions(stack_uid, {.size = kVersionsLookedAt, .token = ""});
  if (!versions.ok()) return versions.status();
  for (const store::StateVersionRow& version : versions->rows) {
    const auto run = domain::ParseRunName(version.record.run());
    if (run && run->run == run_uid) continue;
    absl::StatusOr<std::string> text = Open(stack_uid, version.serial);
    if (!text.ok()) return text.status();
    return *std::move(text);
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<std::string>> StateKeeper::Read(std::string_view run_uid) {
  absl::StatusOr<store::RunRow> run = store_.GetRun(run_uid);
  if (!run.ok()) return run.status();
  absl::StatusOr<store::StackRow> stack = store_.GetStackByUid(run->stack_uid);
  if (!stack.ok()) return stack.status();
  if (stack->lease_run != run_uid) return NoLease();
  return Newest(run->stack_uid);
}

absl::StatusOr<std::optional<std::string>> StateKeeper::LockRow(std::string_view run_uid, std::string_view lock_id,
                                                                std::string_view lock_info) {
  if (lock_id.empty()) return absl::InvalidArgumentError("the lock has no ID");
  std::optional<std::string> holder;
  const absl::Status status = store_.Transact([&](store::Transaction& transaction) -> absl::Status {
    holder.reset();
    absl::StatusOr<store::RunRow> run = transaction.GetRun(run_uid);
    if (!run.ok()) return run.status();
    absl::StatusOr<store::StackRow> stack = transaction.GetStackByUid(run->stack_uid);
    if (!stack.ok()) return stack.status();
    switch (JudgeLock(*stack, run_uid, lock_id)) {
      case LockVerdict::kNoLease: return NoLease();
      case LockVerdict::kMine: return absl::OkStatus();
      case LockVerdict::kAnothers: holder = stack->lock_info; return absl::OkStatus();
      case LockVerdict::kPending: return TryAgain();
      case LockVerdict::kFree: break;
    }
    stack->lock_id = StoredLock(run_uid, lock_id);
    stack->lock_info = lock_info;
    stack->lock_epoch = stack->epoch;
    return transaction.PutStack(&*stack);
  });
  if (!status.ok()) return status;
  return holder;
}

absl::StatusOr<std::optional<std::string>> StateKeeper::UnlockRow(std::string_view run_uid, std::string_view lock_id) {
  std::optional<std::string> holder;
  const absl::Status status = store_.Transact([&](store::Transaction& transaction) -> absl::Status {
    holder.reset();
    absl::StatusOr<store::RunRow> run = transaction.GetRun(run_uid);
    if (!run.ok()) return run.status();
    absl::StatusOr<store::StackRow> stack = transaction.GetStackByUid(run->stack_uid);
    if (!stack.ok()) return stack.status();
    switch (JudgeLock(*stack, run_uid, lock_id)) {
      case LockVerdict::kNoLease: return NoLease();
      case LockVerdict::kFree: return absl::OkStatus();
      case LockVerdict::kAnothers: holder = stack->lock_info; return absl::OkStatus();
      case LockVerdict::kPending: return TryAgain();
      case LockVerdict::kMine: break;
    }
    ClearLock(&*stack);
    return transaction.PutStack(&*stack);
  });
  if (!status.ok()) return status;
  return holder;
}

absl::Status StateKeeper::Judge(std::string_view run_uid, Admission admit) {
  const absl::StatusOr<store::StackRow> stack = StackOf(run_uid);
  return stack.ok() ? admit(*stack) : stack.status();
}

// What is read takes many times its text's memory: of large ones there is one at a time.
absl::StatusOr<StateDocument> StateKeeper::ReadOne(std::string_view text) {
  if (text.size() <= kLargeBytes) return ReadState(text);
  core::MutexLock lock(reading_);
  return ReadState(text);
}

absl::StatusOr<StateKeeper::Draft> StateKeeper::MakeDraft(std::string_view run_uid, std::string_view text,
                                                          Origin origin) {
  absl::StatusOr<StateDocument> document = ReadOne(text);
  if (!document.ok()) return document.status();
  absl::StatusOr<store::RunRow> run = store_.GetRun(run_uid);
  if (!run.ok()) return run.status();
  absl::StatusOr<store::StackRow> stack = store_.GetStackByUid(run->stack_uid);
  if (!stack.ok()) return stack.status();

  Draft draft;
  draft.stack_uid = run->stack_uid;
  draft.follows = stack->state_serial;
  draft.version.serial = document->serial;
  v1::StateVersion& record = draft.version.record;
  record.set_serial(document->serial);
  record.set_lineage(document->lineage);
  record.set_sha256(Sha256Hex(text));
  record.set_size_bytes(static_cast<int64_t>(text.size()));
  record.set_resource_count(static_cast<int32_t>(document->resources.size()));
  if (origin != Origin::kOthers) record.set_run(domain::RunNameOf(run->stack_id, run->uid));
  *record.mutable_create_time() = domain::ToProto(absl::Now());
  if (draft.follows > 0) {
    absl::StatusOr<store::StateVersionRow> last = store_.GetStateVersion(draft.stack_uid, draft.follows);
    if (!last.ok()) return last.status();
    draft.repeats = last->serial == document->serial && last->record.sha256() == record.sha256();
    if (last->record.lineage() != document->lineage) {
      return absl::AbortedError("the state is of another lineage than the stack's");
    }
  }
  if (!draft.repeats && document->serial <= draft.follows) {
    return absl::AbortedError(
        absl::StrCat("the state's serial ", document->serial, " is not newer than the stack's, ", draft.follows));
  }
  absl::StatusOr<std::string> sealed = sealer_.Seal(StateContext(draft.stack_uid, document->serial), text);
  if (!sealed.ok()) return sealed.status();
  draft.version.sealed = *std::move(sealed);
  return draft;
}

absl::Status StateKeeper::Store(std::string_view run_uid, std::string_view text, Admission admit, Origin origin) {
  // Before it is read, which is the dear part; what is stored is judged again, with its row held.
  absl::Status status = origin == Origin::kRun ? Judge(run_uid, admit) : absl::OkStatus();
  absl::StatusOr<Draft> draft = status.ok() ? MakeDraft(run_uid, text, origin) : absl::StatusOr<Draft>(status);
  status = draft.status();
  if (draft.ok() && mirror_ != nullptr && origin == Origin::kRun) {
    const absl::StatusOr<store::StackRow> stack = store_.GetStackByUid(draft->stack_uid);
    status = stack.ok() ? admit(*stack) : stack.status();
    if (status.ok() && stack->state_serial != draft->follows) status = TryAgain();
    if (status.ok()) status = mirror_->Follow(*stack, text);
  }
  if (status.ok()) {
    status = store_.Transact([&](store::Transaction& transaction) -> absl::Status {
      absl::StatusOr<store::StackRow> stack = transaction.GetStackByUid(draft->stack_uid);
      if (!stack.ok()) return stack.status();
      if (absl::Status admitted = admit(*stack); !admitted.ok()) return admitted;
      // Commits whose outcome was unknown are tried again: the version may be there by now.
      if (draft->repeats) return absl::OkStatus();
      if (stack->state_serial != draft->follows) return TryAgain();
      stack->state_serial = draft->version.serial;
      stack->record.set_resource_count(draft->version.record.resource_count());
      if (absl::Status inserted = transaction.InsertStateVersion(stack->uid, draft->version); !inserted.ok()) {
        return inserted;
      }
      return transaction.PutStack(&*stack);
    });
  }
  (status.ok() ? writes_ : refusals_).fetch_add(1, std::memory_order_relaxed);
  return status;
}

absl::Status StateKeeper::Write(std::string_view run_uid, std::string_view lock_id, std::string_view text) {
  return Store(
      run_uid, text,
      [&](const store::StackRow& stack) -> absl::Status {
        switch (JudgeLock(stack, run_uid, lock_id)) {
          case LockVerdict::kMine: return absl::OkStatus();
          case LockVerdict::kPending: return TryAgain();
          case LockVerdict::kNoLease: return NoLease();
          case LockVerdict::kFree: return absl::AbortedError("the state is written without its lock");
          case LockVerdict::kAnothers: return absl::FailedPreconditionError(core::ToAbsl(stack.lock_info));
        }
        return absl::InternalError("no such verdict");
      },
      Origin::kRun);
}

absl::Status StateKeeper::StoreLeft(std::string_view run_uid, int64_t epoch, std::string_view text, Origin origin) {
  const auto holds_lease = [&](const store::StackRow& stack) {
    return stack.lease_run == run_uid && stack.epoch == epoch ? absl::OkStatus() : NoLease();
  };
  return Store(run_uid, text, holds_lease, origin);
}

absl::Status StateKeeper::WriteLeft(std::string_view run_uid, int64_t epoch, std::string_view text) {
  return mirror_ != nullptr ? WriteLeftLocked(run_uid, epoch, text) : StoreLeft(run_uid, epoch, text, Origin::kRun);
}

}  // namespace stratus::provisioning::service
