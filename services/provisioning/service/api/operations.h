// google.longrunning.Operations over runs: `operations/{run uid}`. All block.
#pragma once

#include "absl/status/statusor.h"
#include "google/longrunning/operations.pb.h"
#include "services/provisioning/service/api/api_parts.h"
#include "services/provisioning/service/api/caller.h"
#include "services/provisioning/service/api/runs.h"

namespace stratus::provisioning::service {

class Operations {
 public:
  Operations(const ApiParts& parts, Runs* runs) : parts_(parts), runs_(*runs) {}

  absl::StatusOr<google::longrunning::Operation> Get(const Caller& caller,
                                                     const google::longrunning::GetOperationRequest& request);
  absl::StatusOr<google::longrunning::Operation> Find(const Caller& caller, const std::string& name);
  // The tenant's own, newest first; the filter is ListRuns'.
  absl::StatusOr<google::longrunning::ListOperationsResponse> List(
      const Caller& caller, const google::longrunning::ListOperationsRequest& request);
  // OK, too, when it has ended: cancelling is a wish (AIP-151).
  absl::Status Cancel(const Caller& caller, const google::longrunning::CancelOperationRequest& request);

 private:
  const ApiParts& parts_;
  Runs& runs_;
};

}  // namespace stratus::provisioning::service
