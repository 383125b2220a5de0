// CreateStack, UpdateStack, DeleteStack. All block.
#pragma once

#include "absl/status/statusor.h"
#include "google/longrunning/operations.pb.h"
#include "services/provisioning/service/api/api_parts.h"
#include "services/provisioning/service/api/caller.h"
#include "stratus/provisioning/v1/provisioning.pb.h"

namespace stratus::provisioning::service {

class StackChanges {
 public:
  explicit StackChanges(const ApiParts& parts) : parts_(parts) {}

  absl::StatusOr<google::longrunning::Operation> Create(const Caller& caller, const v1::CreateStackRequest& request);
  absl::StatusOr<google::longrunning::Operation> Update(const Caller& caller, const v1::UpdateStackRequest& request);
  absl::StatusOr<google::longrunning::Operation> Delete(const Caller& caller, const v1::DeleteStackRequest& request);

 private:
  absl::StatusOr<store::StackRow> Draft(const Caller& caller, const v1::CreateStackRequest& request,
                                        const std::string& id);
  absl::StatusOr<google::longrunning::Operation> UpdateRow(store::Transaction& transaction, const Caller& caller,
                                                           const v1::UpdateStackRequest& request,
                                                           const std::string& id);

  const ApiParts& parts_;
};

}  // namespace stratus::provisioning::service
