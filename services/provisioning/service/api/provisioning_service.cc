#include "services/provisioning/service/api/provisioning_service.h"

#include <utility>

#include "lib/core/status.h"
#include "lib/rpc/server_stream.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/service/api/run_watch.h"
#include "services/provisioning/service/api/serve.h"

namespace stratus::provisioning::service {
namespace {

using google::longrunning::Operation;
using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using WatchCall = rpc::ServerStreamCall<v1::WatchRunRequest, v1::RunEvent>;

absl::StatusOr<std::string> WatchedRun(Runs* runs, const Caller& caller, const v1::WatchRunRequest& request) {
  const auto name = domain::ParseRunName(request.name());
  if (!name) return core::InvalidField("name", "must be `stacks/{stack}/runs/{run}`");
  if (request.after_sequence() < 0) return core::InvalidField("after_sequence", "must be 0 or more");
  const auto run = runs->Find(caller, *name, request.name());
  if (!run.ok()) return run.status();
  return run->uid;
}

void Watch(const ApiParts& parts, RunFollower::Parts waiting, Runs* runs, const Caller& caller,
           const std::shared_ptr<WatchCall>& call) {
  const auto uid = WatchedRun(runs, caller, call->request());
  if (!uid.ok()) return call->Finish(uid.status());
  RunWatch::Sink sink;
  sink.send = [call](v1::RunEvent event, std::function<void(bool)> sent) {
    if (!call->Write(std::move(event), sent)) sent(false);
  };
  sink.end = [call](absl::Status status) { call->Finish(status); };
  const auto watch = std::make_shared<RunWatch>(parts, *uid, call->request().after_sequence(), std::move(sink));
  const auto follower =
      RunFollower::Start(waiting, caller.tenant, *uid, absl::InfiniteFuture(),
                         [watch](bool time_up, RunFollower::Done done) { watch->Look(time_up, std::move(done)); });
  if (!follower.ok()) return call->Finish(follower.status());
  // By way of the base: the stream has an OnCancel of gRPC's too.
  static_cast<rpc::Call&>(*call).OnCancel([call, follower = *follower] {
    follower->Stop();
    call->Finish(absl::CancelledError("the caller went away or its deadline passed"));
  });
}

}  // namespace

ProvisioningGrpcService::ProvisioningGrpcService(const ApiParts& parts, RunFollower::Parts waiting, Runs* runs)
    : parts_(parts),
      waiting_(waiting),
      executor_(waiting.executor),
      runs_(runs),
      reads_(parts),
      changes_(parts),
      locks_(parts),
      states_(parts) {}

grpc::ServerWriteReactor<v1::RunEvent>* ProvisioningGrpcService::WatchRun(CallbackServerContext* context,
                                                                          const v1::WatchRunRequest* request) {
  return rpc::ServerStream<v1::RunEvent>(context, request, [this](std::shared_ptr<WatchCall> call) {
    OnExecutor(executor_, std::move(call), [this](const Caller& caller, const std::shared_ptr<WatchCall>& started) {
      Watch(parts_, waiting_, runs_, caller, started);
    });
  });
}

ServerUnaryReactor* ProvisioningGrpcService::ListModules(CallbackServerContext* context,
                                                         const v1::ListModulesRequest* request,
                                                         v1::ListModulesResponse* response) {
  return Serve(executor_, context, request, response, &reads_, &StackReads::ListModules);
}

ServerUnaryReactor* ProvisioningGrpcService::GetModule(CallbackServerContext* context,
                                                       const v1::GetModuleRequest* request, v1::Module* response) {
  return Serve(executor_, context, request, response, &reads_, &StackReads::GetModule);
}

ServerUnaryReactor* ProvisioningGrpcService::CreateStack(CallbackServerContext* context,
                                                         const v1::CreateStackRequest* request, Operation* response) {
  return Serve(executor_, context, request, response, &changes_, &StackChanges::Create);
}

ServerUnaryReactor* ProvisioningGrpcService::GetStack(CallbackServerContext* context,
                                                      const v1::GetStackRequest* request, v1::Stack* response) {
  return Serve(executor_, context, request, response, &reads_, &StackReads::GetStack);
}

ServerUnaryReactor* ProvisioningGrpcService::ListStacks(CallbackServerContext* context,
                                                        const v1::ListStacksRequest* request,
                                                        v1::ListStacksResponse* response) {
  return Serve(executor_, context, request, response, &reads_, &StackReads::ListStacks);
}

ServerUnaryReactor* ProvisioningGrpcService::UpdateStack(CallbackServerContext* context,
                                                         const v1::UpdateStackRequest* request, Operation* response) {
  return Serve(executor_, context, request, response, &changes_, &StackChanges::Update);
}

ServerUnaryReactor* ProvisioningGrpcService::DeleteStack(CallbackServerContext* context,
                                                         const v1::DeleteStackRequest* request, Operation* response) {
  return Serve(executor_, context, request, response, &changes_, &StackChanges::Delete);
}

ServerUnaryReactor* ProvisioningGrpcService::LockStack(CallbackServerContext* context,
                                                       const v1::LockStackRequest* request, v1::Stack* response) {
  return Serve(executor_, context, request, response, &locks_, &StackLocks::Lock);
}

ServerUnaryReactor* ProvisioningGrpcService::UnlockStack(CallbackServerContext* context,
                                                         const v1::UnlockStackRequest* request, v1::Stack* response) {
  return Serve(executor_, context, request, response, &locks_, &StackLocks::Unlock);
}

ServerUnaryReactor* ProvisioningGrpcService::CheckDrift(CallbackServerContext* context,
                                                        const v1::CheckDriftRequest* request, v1::Run* response) {
  return Serve(executor_, context, request, response, runs_, &Runs::CheckDrift);
}

ServerUnaryReactor* ProvisioningGrpcService::GetOutputs(CallbackServerContext* context,
                                                        const v1::GetOutputsRequest* request, v1::Outputs* response) {
  return Serve(executor_, context, request, response, &reads_, &StackReads::GetOutputs);
}

ServerUnaryReactor* ProvisioningGrpcService::RevealOutputs(CallbackServerContext* context,
                                                           const v1::RevealOutputsRequest* request,
                                                           v1::Outputs* response) {
  return Serve(executor_, context, request, response, &reads_, &StackReads::RevealOutputs);
}

ServerUnaryReactor* ProvisioningGrpcService::CreateRun(CallbackServerContext* context,
                                                       const v1::CreateRunRequest* request, v1::Run* response) {
  return Serve(executor_, context, request, response, runs_, &Runs::Create);
}

ServerUnaryReactor* ProvisioningGrpcService::GetRun(CallbackServerContext* context, const v1::GetRunRequest* request,
                                                    v1::Run* response) {
  return Serve(executor_, context, request, response, runs_, &Runs::Get);
}

ServerUnaryReactor* ProvisioningGrpcService::ListRuns(CallbackServerContext* context,
                                                      const v1::ListRunsRequest* request,
                                                      v1::ListRunsResponse* response) {
  return Serve(executor_, context, request, response, runs_, &Runs::List);
}

ServerUnaryReactor* ProvisioningGrpcService::ApproveRun(CallbackServerContext* context,
                                                        const v1::ApproveRunRequest* request, v1::Run* response) {
  return Serve(executor_, context, request, response, runs_, &Runs::Approve);
}

ServerUnaryReactor* ProvisioningGrpcService::DiscardRun(CallbackServerContext* context,
                                                        const v1::DiscardRunRequest* request, v1::Run* response) {
  return Serve(executor_, context, request, response, runs_, &Runs::Discard);
}

ServerUnaryReactor* ProvisioningGrpcService::CancelRun(CallbackServerContext* context,
                                                       const v1::CancelRunRequest* request, v1::Run* response) {
  return Serve(executor_, context, request, response, runs_, &Runs::Cancel);
}

ServerUnaryReactor* ProvisioningGrpcService::ForceCancelRun(CallbackServerContext* context,
                                                            const v1::ForceCancelRunRequest* request,
                                                            v1::Run* response) {
  return Serve(executor_, context, request, response, runs_, &Runs::ForceCancel);
}

ServerUnaryReactor* ProvisioningGrpcService::RetryRun(CallbackServerContext* context,
                                                      const v1::RetryRunRequest* request, v1::Run* response) {
  return Serve(executor_, context, request, response, runs_, &Runs::Retry);
}

ServerUnaryReactor* ProvisioningGrpcService::GetPlan(CallbackServerContext* context, const v1::GetPlanRequest* request,
                                                     v1::Plan* response) {
  return Serve(executor_, context, request, response, runs_, &Runs::GetPlan);
}

ServerUnaryReactor* ProvisioningGrpcService::ListStateVersions(CallbackServerContext* context,
                                                               const v1::ListStateVersionsRequest* request,
                                                               v1::ListStateVersionsResponse* response) {
  return Serve(executor_, context, request, response, &states_, &States::List);
}

ServerUnaryReactor* ProvisioningGrpcService::GetStateVersion(CallbackServerContext* context,
                                                             const v1::GetStateVersionRequest* request,
                                                             v1::StateVersion* response) {
  return Serve(executor_, context, request, response, &states_, &States::Get);
}

ServerUnaryReactor* ProvisioningGrpcService::DownloadState(CallbackServerContext* context,
                                                           const v1::DownloadStateRequest* request,
                                                           google::api::HttpBody* response) {
  return Serve(executor_, context, request, response, &states_, &States::Download);
}

ServerUnaryReactor* ProvisioningGrpcService::RollBackState(CallbackServerContext* context,
                                                           const v1::RollBackStateRequest* request,
                                                           v1::StateVersion* response) {
  return Serve(executor_, context, request, response, &states_, &States::RollBack);
}

ServerUnaryReactor* ProvisioningGrpcService::GetQuota(CallbackServerContext* context,
                                                      const v1::GetQuotaRequest* request, v1::Quota* response) {
  return Serve(executor_, context, request, response, &reads_, &StackReads::GetQuota);
}

}  // namespace stratus::provisioning::service
