#include "services/provisioning/service/api/credential_service.h"

#include "services/provisioning/service/api/serve.h"

namespace stratus::provisioning::service {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

ServerUnaryReactor* CredentialGrpcService::UpdateCredential(CallbackServerContext* context,
                                                            const v1::UpdateCredentialRequest* request,
                                                            v1::Credential* response) {
  return Serve(executor_, context, request, response, &credentials_, &TenantCredentials::Update);
}

ServerUnaryReactor* CredentialGrpcService::GetCredential(CallbackServerContext* context,
                                                         const v1::GetCredentialRequest* request,
                                                         v1::Credential* response) {
  return Serve(executor_, context, request, response, &credentials_, &TenantCredentials::Get);
}

ServerUnaryReactor* CredentialGrpcService::ListCredentials(CallbackServerContext* context,
                                                           const v1::ListCredentialsRequest* request,
                                                           v1::ListCredentialsResponse* response) {
  return Serve(executor_, context, request, response, &credentials_, &TenantCredentials::List);
}

ServerUnaryReactor* CredentialGrpcService::DeleteCredential(CallbackServerContext* context,
                                                            const v1::DeleteCredentialRequest* request,
                                                            google::protobuf::Empty* response) {
  return Serve(executor_, context, request, response, &credentials_, &TenantCredentials::Delete);
}

}  // namespace stratus::provisioning::service
