// ProvisioningService over gRPC. Nothing is decided here.
#pragma once

#include "services/provisioning/service/api/api_parts.h"
#include "services/provisioning/service/api/run_follower.h"
#include "services/provisioning/service/api/runs.h"
#include "services/provisioning/service/api/stack_changes.h"
#include "services/provisioning/service/api/stack_locks.h"
#include "services/provisioning/service/api/stack_reads.h"
#include "services/provisioning/service/api/states.h"
#include "stratus/provisioning/v1/provisioning.grpc.pb.h"

namespace stratus::provisioning::service {

class ProvisioningGrpcService final : public v1::ProvisioningService::CallbackService {
 public:
  // All outlive it.
  ProvisioningGrpcService(const ApiParts& parts, RunFollower::Parts waiting, Runs* runs);

  grpc::ServerWriteReactor<v1::RunEvent>* WatchRun(grpc::CallbackServerContext* context,
                                                   const v1::WatchRunRequest* request) override;

  grpc::ServerUnaryReactor* ListModules(grpc::CallbackServerContext* context, const v1::ListModulesRequest* request,
                                        v1::ListModulesResponse* response) override;
  grpc::ServerUnaryReactor* GetModule(grpc::CallbackServerContext* context, const v1::GetModuleRequest* request,
                                      v1::Module* response) override;
  grpc::ServerUnaryReactor* CreateStack(grpc::CallbackServerContext* context, const v1::CreateStackRequest* request,
                                        google::longrunning::Operation* response) override;
  grpc::ServerUnaryReactor* GetStack(grpc::CallbackServerContext* context, const v1::GetStackRequest* request,
                                     v1::Stack* response) override;
  grpc::ServerUnaryReactor* ListStacks(grpc::CallbackServerContext* context, const v1::ListStacksRequest* request,
                                       v1::ListStacksResponse* response) override;
  grpc::ServerUnaryReactor* UpdateStack(grpc::CallbackServerContext* context, const v1::UpdateStackRequest* request,
                                        google::longrunning::Operation* response) override;
  grpc::ServerUnaryReactor* DeleteStack(grpc::CallbackServerContext* context, const v1::DeleteStackRequest* request,
                                        google::longrunning::Operation* response) override;
  grpc::ServerUnaryReactor* LockStack(grpc::CallbackServerContext* context, const v1::LockStackRequest* request,
                                      v1::Stack* response) override;
  grpc::ServerUnaryReactor* UnlockStack(grpc::CallbackServerContext* context, const v1::UnlockStackRequest* request,
                                        v1::Stack* response) override;
  grpc::ServerUnaryReactor* CheckDrift(grpc::CallbackServerContext* context, const v1::CheckDriftRequest* request,
                                       v1::Run* response) override;
  grpc::ServerUnaryReactor* GetOutputs(grpc::CallbackServerContext* context, const v1::GetOutputsRequest* request,
                                       v1::Outputs* response) override;
  grpc::ServerUnaryReactor* RevealOutputs(grpc::CallbackServerContext* context, const v1::RevealOutputsRequest* request,
                                          v1::Outputs* response) override;
  grpc::ServerUnaryReactor* CreateRun(grpc::CallbackServerContext* context, const v1::CreateRunRequest* request,
                                      v1::Run* response) override;
  grpc::ServerUnaryReactor* GetRun(grpc::CallbackServerContext* context, const v1::GetRunRequest* request,
                                   v1::Run* response) override;
  grpc::ServerUnaryReactor* ListRuns(grpc::CallbackServerContext* context, const v1::ListRunsRequest* request,
                                     v1::ListRunsResponse* response) override;
  grpc::ServerUnaryReactor* ApproveRun(grpc::CallbackServerContext* context, const v1::ApproveRunRequest* request,
                                       v1::Run* response) override;
  grpc::ServerUnaryReactor* DiscardRun(grpc::CallbackServerContext* context, const v1::DiscardRunRequest* request,
                                       v1::Run* response) override;
  grpc::ServerUnaryReactor* CancelRun(grpc::CallbackServerContext* context, const v1::CancelRunRequest* request,
                                      v1::Run* response) override;
  grpc::ServerUnaryReactor* ForceCancelRun(grpc::CallbackServerContext* context,
                                           const v1::ForceCancelRunRequest* request, v1::Run* response) override;
  grpc::ServerUnaryReactor* RetryRun(grpc::CallbackServerContext* context, const v1::RetryRunRequest* request,
                                     v1::Run* response) override;
  grpc::ServerUnaryReactor* GetPlan(grpc::CallbackServerContext* context, const v1::GetPlanRequest* request,
                                    v1::Plan* response) override;
  grpc::ServerUnaryReactor* ListStateVersions(grpc::CallbackServerContext* context,
                                              const v1::ListStateVersionsRequest* request,
                                              v1::ListStateVersionsResponse* response) override;
  grpc::ServerUnaryReactor* GetStateVersion(grpc::CallbackServerContext* context,
                                            const v1::GetStateVersionRequest* request,
                                            v1::StateVersion* response) override;
  grpc::ServerUnaryReactor* DownloadState(grpc::CallbackServerContext* context, const v1::DownloadStateRequest* request,
                                          google::api::HttpBody* response) override;
  grpc::ServerUnaryReactor* RollBackState(grpc::CallbackServerContext* context, const v1::RollBackStateRequest* request,
                                          v1::StateVersion* response) override;
  grpc::ServerUnaryReactor* GetQuota(grpc::CallbackServerContext* context, const v1::GetQuotaRequest* request,
                                     v1::Quota* response) override;

 private:
  const ApiParts& parts_;
  const RunFollower::Parts waiting_;
  FairExecutor* const executor_;
  Runs* const runs_;
  StackReads reads_;
  StackChanges changes_;
  StackLocks locks_;
  States states_;
};

}  // namespace stratus::provisioning::service
