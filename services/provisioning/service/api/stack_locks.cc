#include "services/provisioning/service/api/stack_locks.h"

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/domain/principals.h"
#include "services/provisioning/service/api/mutation.h"
#include "services/provisioning/service/api/present.h"
#include "services/provisioning/service/api/run_queue.h"

namespace stratus::provisioning::service {

bool StackLocks::HeldByAnother(const store::StackRow& row, const Caller& caller) const {
  const v1::StackLock& lock = row.record.lock();
  return row.record.has_lock() && domain::FromProto(lock.expire_time()) > parts_.clock->Now() &&
         !domain::SamePrincipal(lock.held_by(), caller.principal);
}

absl::StatusOr<v1::Stack> StackLocks::Lock(const Caller& caller, const v1::LockStackRequest& request) {
  domain::Violations violations;
  const auto id = domain::ParseStackName(request.name());
  if (!id) violations.Add("name", "must be `stacks/{stack}`");
  domain::CheckText(request.reason(), "reason", &violations);
  const absl::Duration ttl = request.has_ttl() ? domain::CheckDuration(request.ttl(), domain::kLockTtlMin,
                                                                       domain::kLockTtlMax, "ttl", &violations)
                                               : domain::kLockTtlDefault;
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;

  const Mutation mutation{caller, "LockStack", request.name(), request.request_id(), request};
  return Mutate<v1::Stack>(parts_, mutation, [&](store::Transaction& transaction) -> absl::StatusOr<v1::Stack> {
    auto row = Named(transaction.GetStack(caller.tenant, *id), request.name());
    if (!row.ok()) return row.status();
    if (HeldByAnother(*row, caller)) {
      return absl::AbortedError(absl::StrCat(request.name(), " is held by ", row->record.lock().holder()));
    }
    if (!row->lease_run.empty()) {
      return absl::AbortedError(
          absl::StrCat(domain::RunNameOf(*id, row->lease_run), " is under way: lock the stack when it has ended"));
    }
    const absl::Time now = parts_.clock->Now();
    v1::StackLock& lock = *row->record.mutable_lock();
    lock.set_reason(request.reason());
    lock.set_holder(caller.principal.name());
    *lock.mutable_held_by() = caller.principal;
    *lock.mutable_lock_time() = domain::ToProto(now);
    *lock.mutable_expire_time() = domain::ToProto(now + ttl);
    *row->record.mutable_update_time() = domain::ToProto(now);
    if (absl::Status status = transaction.PutStack(&*row); !status.ok()) return status;
    return PresentStack(parts_, *row);
  });
}

absl::StatusOr<v1::Stack> StackLocks::Unlock(const Caller& caller, const v1::UnlockStackRequest& request) {
  const auto id = domain::ParseStackName(request.name());
  if (!id) return core::InvalidField("name", "must be `stacks/{stack}`");
  const Mutation mutation{caller, "UnlockStack", request.name(), request.request_id(), request};
  return Mutate<v1::Stack>(parts_, mutation, [&](store::Transaction& transaction) -> absl::StatusOr<v1::Stack> {
    auto row = Named(transaction.GetStack(caller.tenant, *id), request.name());
    if (!row.ok()) return row.status();
    if (HeldByAnother(*row, caller)) {
      if (!request.force()) {
        return absl::FailedPreconditionError(
            absl::StrCat(request.name(), " is held by ", row->record.lock().holder(), ": use `force` to release it"));
      }
      absl::Status status = NeedScope(caller, "stratus/stacks.forceUnlock", "releasing another one's hold");
      if (!status.ok()) return status;
    }
    if (!row->record.has_lock()) return PresentStack(parts_, *row);
    row->record.clear_lock();
    *row->record.mutable_update_time() = domain::ToProto(parts_.clock->Now());
    transaction.Notify(store::kTopicQueue);
    if (absl::Status status = transaction.PutStack(&*row); !status.ok()) return status;
    return PresentStack(parts_, *row);
  });
}

}  // namespace stratus::provisioning::service
