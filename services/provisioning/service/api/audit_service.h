// AuditService over gRPC.
#pragma once

#include "services/provisioning/service/api/audit_events.h"
#include "services/provisioning/service/api/fair_executor.h"
#include "stratus/provisioning/v1/audit.grpc.pb.h"

namespace stratus::provisioning::service {

class AuditGrpcService final : public v1::AuditService::CallbackService {
 public:
  // Both outlive it.
  AuditGrpcService(const ApiParts& parts, FairExecutor* executor) : executor_(executor), reads_(parts) {}

  grpc::ServerUnaryReactor* ListAuditEvents(grpc::CallbackServerContext* context,
                                            const v1::ListAuditEventsRequest* request,
                                            v1::ListAuditEventsResponse* response) override;

 private:
  FairExecutor* const executor_;
  AuditReads reads_;
};

}  // namespace stratus::provisioning::service
