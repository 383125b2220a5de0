// What the keeper does where the states are in a bucket as well.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/core/log.h"
#include "lib/core/random.h"
#include "lib/core/status.h"
#include "services/provisioning/remote_state/lock_info.h"
#include "services/provisioning/service/runtime/state_keeper.h"

namespace stratus::provisioning::service {
namespace {

using Kind = StateMirror::Standing::Kind;

void Warn(std::string_view what, std::string_view stack_uid, const absl::Status& why) {
  core::Log(core::Severity::kWarning, what, {{"stack", stack_uid}, {"reason", core::ToStd(why.message())}});
}

// Trying again does not help, and a person has to hear of it.
bool IsRefusal(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsPermissionDenied(status);
}

}  // namespace

absl::StatusOr<store::StackRow> StateKeeper::StackOf(std::string_view run_uid) {
  absl::StatusOr<store::RunRow> run = store_.GetRun(run_uid);
  if (!run.ok()) return run.status();
  return store_.GetStackByUid(run->stack_uid);
}

absl::StatusOr<std::optional<std::string>> StateKeeper::Lock(std::string_view run_uid, std::string_view lock_id,
                                                             std::string_view lock_info) {
  auto holder = LockRow(run_uid, lock_id, lock_info);
  if (mirror_ == nullptr || !holder.ok() || holder->has_value()) return holder;
  holder = LockMirror(run_uid, lock_id, lock_info);
  if (holder.ok() && !holder->has_value()) return holder;
  UnlockRow(run_uid, lock_id).status().IgnoreError();  // it ends with the lease, if not now
  if (!IsRefusal(holder.status())) return holder;
  core::Log(core::Severity::kError, "a state cannot be locked",
            {{"run", run_uid}, {"reason", core::ToStd(holder.status().message())}});
  return remote_state::RefusalAsLockInfo(core::ToStd(holder.status().message()));
}

absl::StatusOr<std::optional<std::string>> StateKeeper::LockMirror(std::string_view run_uid, std::string_view lock_id,
                                                                   std::string_view lock_info) {
  absl::StatusOr<store::StackRow> stack = StackOf(run_uid);
  if (!stack.ok()) return stack.status();
  auto holder = mirror_->Lock(*stack, run_uid, lock_info);
  if (!holder.ok() || holder->has_value()) return holder;
  if (absl::Status status = BringInStep(run_uid, *stack); !status.ok()) {
    mirror_->Unlock(*stack, lock_id).IgnoreError();
    return status;
  }
  return std::nullopt;
}

absl::Status StateKeeper::BringInStep(std::string_view run_uid, const store::StackRow& stack) {
  absl::StatusOr<StateMirror::Standing> standing = mirror_->Compare(stack);
  if (!standing.ok()) return standing.status();
  if (standing->kind == Kind::kAhead) return StoreLeft(run_uid, stack.epoch, standing->text, Origin::kOthers);
  if (standing->kind == Kind::kInStep) {
    return standing->etag.empty() ? absl::OkStatus() : mirror_->EnsureDigest(stack, standing->text);
  }
  absl::StatusOr<std::string> newest = Open(stack.uid, stack.state_serial);
  return newest.ok() ? mirror_->CatchUp(stack, *standing, *newest) : newest.status();
}

absl::StatusOr<std::optional<std::string>> StateKeeper::Unlock(std::string_view run_uid, std::string_view lock_id) {
  if (mirror_ != nullptr) {
    absl::StatusOr<store::StackRow> stack = StackOf(run_uid);
    if (!stack.ok()) return stack.status();
    const LockVerdict verdict = JudgeLock(*stack, run_uid, lock_id);
    if (verdict == LockVerdict::kMine || verdict == LockVerdict::kFree) {
      if (absl::Status status = mirror_->Unlock(*stack, lock_id); !status.ok()) return status;
    }
  }
  return UnlockRow(run_uid, lock_id);
}

absl::Status StateKeeper::TakeIn(std::string_view run_uid, int64_t epoch, bool begun) {
  if (mirror_ == nullptr) return absl::OkStatus();
  absl::StatusOr<store::StackRow> stack = StackOf(run_uid);
  if (!stack.ok()) return stack.status();
  absl::StatusOr<StateMirror::Standing> standing = mirror_->Compare(*stack);
  if (!standing.ok()) return standing.status();
  if (standing->kind != Kind::kAhead) return absl::OkStatus();
  return StoreLeft(run_uid, epoch, standing->text, begun ? Origin::kRunMirrored : Origin::kOthers);
}

void StateKeeper::ReleaseLeft(std::string_view run_uid, int64_t epoch) {
  absl::StatusOr<store::StackRow> stack = StackOf(run_uid);
  const std::string mine = StoredLock(run_uid, "");
  std::string left;
  if (!stack.ok() || !absl::StartsWith(stack->lock_id, mine)) return;
  const absl::Status cleared = store_.Transact([&](store::Transaction& transaction) -> absl::Status {
    left.clear();
    stack = transaction.GetStackByUid(stack->uid);
    if (!stack.ok()) return stack.status();
    const bool holds = stack->lease_run == run_uid && stack->epoch == epoch;
    if (!holds || !absl::StartsWith(stack->lock_id, mine)) return absl::OkStatus();
    left = stack->lock_id.substr(mine.size());
    ClearLock(&*stack);
    return transaction.PutStack(&*stack);
  });
  if (!cleared.ok()) return Warn("a lock that an engine left stays for now", run_uid, cleared);
  if (mirror_ == nullptr || left.empty()) return;
  const absl::Status released = mirror_->Unlock(*stack, left);
  if (!released.ok()) Warn("a lock that an engine left stays in the bucket for now", stack->uid, released);
}

absl::Status StateKeeper::WriteLeftLocked(std::string_view run_uid, int64_t epoch, std::string_view text) {
  absl::StatusOr<store::StackRow> stack = StackOf(run_uid);
  if (!stack.ok()) return stack.status();
  const std::string id = core::RandomHex(16);
  auto holder = mirror_->Lock(*stack, run_uid, remote_state::NewLockInfo(id, "WriteState", absl::Now()));
  if (!holder.ok()) return holder.status();
  if (holder->has_value()) return absl::UnavailableError("somebody else has locked the state");
  absl::Status status = BringInStep(run_uid, *stack);
  if (status.ok()) status = StoreLeft(run_uid, epoch, text, Origin::kRun);
  if (absl::Status released = mirror_->Unlock(*stack, id); !released.ok()) {
    Warn("a lock of the service itself stays in the bucket for now", stack->uid, released);
  }
  return status;
}

void StateKeeper::Publish(std::string_view stack_uid) {
  if (mirror_ == nullptr) return;
  absl::StatusOr<store::StackRow> stack = store_.GetStackByUid(stack_uid);
  if (!stack.ok() || !stack->lease_run.empty()) return;  // the run's engine will do it
  const std::string id = core::RandomHex(16);
  auto holder = mirror_->Lock(*stack, "", remote_state::NewLockInfo(id, "RollBackState", absl::Now()));
  absl::Status status = holder.status();
  if (holder.ok() && holder->has_value()) status = absl::UnavailableError("somebody else has locked the state");
  if (status.ok()) {
    absl::StatusOr<StateMirror::Standing> standing = mirror_->Compare(*stack);
    status = standing.status();
    if (standing.ok() && standing->kind == Kind::kBehind) {
      absl::StatusOr<std::string> newest = Open(stack->uid, stack->state_serial);
      status = newest.ok() ? mirror_->CatchUp(*stack, *standing, *newest) : newest.status();
    }
    status.Update(mirror_->Unlock(*stack, id));
  }
  if (!status.ok())
    Warn("the bucket does not have the stack's newest state yet: its next run brings it", stack_uid, status);
}

void StateKeeper::Forget(std::string_view run_uid) {
  if (mirror_ == nullptr) return;
  if (absl::StatusOr<store::StackRow> stack = StackOf(run_uid); stack.ok()) mirror_->Forget(*stack);
}

}  // namespace stratus::provisioning::service
