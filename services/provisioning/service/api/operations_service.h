// google.longrunning.Operations over gRPC. WaitOperation holds no thread.
#pragma once

#include "google/longrunning/operations.grpc.pb.h"
#include "services/provisioning/service/api/operations.h"
#include "services/provisioning/service/api/run_follower.h"

namespace stratus::provisioning::service {

class OperationsGrpcService final : public google::longrunning::Operations::CallbackService {
 public:
  // All outlive it.
  OperationsGrpcService(const ApiParts& parts, RunFollower::Parts waiting, Runs* runs)
      : settings_(parts.settings), waiting_(waiting), operations_(parts, runs) {}

  grpc::ServerUnaryReactor* GetOperation(grpc::CallbackServerContext* context,
                                         const google::longrunning::GetOperationRequest* request,
                                         google::longrunning::Operation* response) override;
  grpc::ServerUnaryReactor* ListOperations(grpc::CallbackServerContext* context,
                                           const google::longrunning::ListOperationsRequest* request,
                                           google::longrunning::ListOperationsResponse* response) override;
  // The operation when it is done, or as it is when the time is up: `timeout`, at most the call's deadline and the
  // configured maximum.
  grpc::ServerUnaryReactor* WaitOperation(grpc::CallbackServerContext* context,
                                          const google::longrunning::WaitOperationRequest* request,
                                          google::longrunning::Operation* response) override;
  grpc::ServerUnaryReactor* CancelOperation(grpc::CallbackServerContext* context,
                                            const google::longrunning::CancelOperationRequest* request,
                                            google::protobuf::Empty* response) override;
  // UNIMPLEMENTED: operations are runs, which go with their stack.
  grpc::ServerUnaryReactor* DeleteOperation(grpc::CallbackServerContext* context,
                                            const google::longrunning::DeleteOperationRequest* request,
                                            google::protobuf::Empty* response) override;

 private:
  const ApiSettings& settings_;
  const RunFollower::Parts waiting_;
  Operations operations_;
};

}  // namespace stratus::provisioning::service
