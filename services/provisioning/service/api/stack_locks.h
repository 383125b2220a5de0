// LockStack and UnlockStack: a person's hold on a stack. Both block.
#pragma once

#include "absl/status/statusor.h"
#include "services/provisioning/service/api/api_parts.h"
#include "services/provisioning/service/api/caller.h"
#include "stratus/provisioning/v1/provisioning.pb.h"

namespace stratus::provisioning::service {

class StackLocks {
 public:
  explicit StackLocks(const ApiParts& parts) : parts_(parts) {}

  absl::StatusOr<v1::Stack> Lock(const Caller& caller, const v1::LockStackRequest& request);
  absl::StatusOr<v1::Stack> Unlock(const Caller& caller, const v1::UnlockStackRequest& request);

 private:
  // Whether somebody else's hold counts now.
  bool HeldByAnother(const store::StackRow& row, const Caller& caller) const;

  const ApiParts& parts_;
};

}  // namespace stratus::provisioning::service
