// CredentialService over gRPC. Nothing is decided here.
#pragma once

#include "services/provisioning/service/api/fair_executor.h"
#include "services/provisioning/service/api/tenant_credentials.h"
#include "stratus/provisioning/v1/credentials.grpc.pb.h"

namespace stratus::provisioning::service {

class CredentialGrpcService final : public v1::CredentialService::CallbackService {
 public:
  // Both outlive it.
  CredentialGrpcService(const ApiParts& parts, FairExecutor* executor) : executor_(executor), credentials_(parts) {}

  grpc::ServerUnaryReactor* UpdateCredential(grpc::CallbackServerContext* context,
                                             const v1::UpdateCredentialRequest* request,
                                             v1::Credential* response) override;
  grpc::ServerUnaryReactor* GetCredential(grpc::CallbackServerContext* context, const v1::GetCredentialRequest* request,
                                          v1::Credential* response) override;
  grpc::ServerUnaryReactor* ListCredentials(grpc::CallbackServerContext* context,
                                            const v1::ListCredentialsRequest* request,
                                            v1::ListCredentialsResponse* response) override;
  grpc::ServerUnaryReactor* DeleteCredential(grpc::CallbackServerContext* context,
                                             const v1::DeleteCredentialRequest* request,
                                             google::protobuf::Empty* response) override;

 private:
  FairExecutor* const executor_;
  TenantCredentials credentials_;
};

}  // namespace stratus::provisioning::service
