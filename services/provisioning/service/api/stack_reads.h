// What can be read of stacks, their outputs, modules and the quota. All block but the modules.
#pragma once

#include "absl/status/statusor.h"
#include "services/provisioning/service/api/api_parts.h"
#include "services/provisioning/service/api/caller.h"
#include "stratus/provisioning/v1/provisioning.pb.h"

namespace stratus::provisioning::service {

class StackReads {
 public:
  explicit StackReads(const ApiParts& parts) : parts_(parts) {}

  absl::StatusOr<v1::ListModulesResponse> ListModules(const Caller& caller, const v1::ListModulesRequest& request);
  absl::StatusOr<v1::Module> GetModule(const Caller& caller, const v1::GetModuleRequest& request);
  absl::StatusOr<v1::Stack> GetStack(const Caller& caller, const v1::GetStackRequest& request);
  absl::StatusOr<v1::ListStacksResponse> ListStacks(const Caller& caller, const v1::ListStacksRequest& request);
  absl::StatusOr<v1::Outputs> GetOutputs(const Caller& caller, const v1::GetOutputsRequest& request);
  // Keeps who has seen them in the audit log.
  absl::StatusOr<v1::Outputs> RevealOutputs(const Caller& caller, const v1::RevealOutputsRequest& request);
  absl::StatusOr<v1::Quota> GetQuota(const Caller& caller, const v1::GetQuotaRequest& request);

 private:
  absl::StatusOr<v1::Outputs> Outputs(const Caller& caller, const std::string& name, bool reveal);

  const ApiParts& parts_;
};

}  // namespace stratus::provisioning::service
