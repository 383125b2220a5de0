#include "services/provisioning/service/api/audit_service.h"

#include "services/provisioning/service/api/serve.h"

namespace stratus::provisioning::service {

grpc::ServerUnaryReactor* AuditGrpcService::ListAuditEvents(grpc::CallbackServerContext* context,
                                                            const v1::ListAuditEventsRequest* request,
                                                            v1::ListAuditEventsResponse* response) {
  return Serve(executor_, context, request, response, &reads_, &AuditReads::List);
}

}  // namespace stratus::provisioning::service
