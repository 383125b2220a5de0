// UpdateCredential, GetCredential, ListCredentials, DeleteCredential. All block. No value is ever read back here.
#pragma once

#include "absl/status/statusor.h"
#include "google/protobuf/empty.pb.h"
#include "services/provisioning/service/api/api_parts.h"
#include "services/provisioning/service/api/caller.h"
#include "stratus/provisioning/v1/credentials.pb.h"

namespace stratus::provisioning::service {

class TenantCredentials {
 public:
  explicit TenantCredentials(const ApiParts& parts) : parts_(parts) {}

  absl::StatusOr<v1::Credential> Update(const Caller& caller, const v1::UpdateCredentialRequest& request);
  absl::StatusOr<v1::Credential> Get(const Caller& caller, const v1::GetCredentialRequest& request);
  absl::StatusOr<v1::ListCredentialsResponse> List(const Caller& caller, const v1::ListCredentialsRequest& request);
  absl::StatusOr<google::protobuf::Empty> Delete(const Caller& caller, const v1::DeleteCredentialRequest& request);

 private:
  const ApiParts& parts_;
};

}  // namespace stratus::provisioning::service
