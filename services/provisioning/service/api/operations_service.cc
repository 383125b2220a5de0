#include "services/provisioning/service/api/operations_service.h"

#include <algorithm>
#include <utility>

#include "services/provisioning/domain/names.h"
#include "services/provisioning/service/api/serve.h"

namespace stratus::provisioning::service {
namespace {

using google::longrunning::Operation;
using WaitCall = rpc::UnaryCall<google::longrunning::WaitOperationRequest, Operation>;

constexpr absl::Duration kAnswerTime = absl::Milliseconds(200);

absl::Duration WaitOf(const google::longrunning::WaitOperationRequest& request, absl::Time deadline,
                      const ApiSettings& settings) {
  absl::Duration wait = settings.wait_default;
  if (request.has_timeout()) {
    wait = absl::Seconds(request.timeout().seconds()) + absl::Nanoseconds(request.timeout().nanos());
  }
  wait = std::min({wait, settings.wait_max, deadline - absl::Now() - kAnswerTime});
  return std::max(wait, absl::ZeroDuration());
}

// True when the call is finished.
bool LookOnce(Operations* operations, const Caller& caller, bool time_up, WaitCall& call) {
  absl::StatusOr<Operation> operation = operations->Find(caller, call.request().name());
  if (!operation.ok()) {
    call.Finish(operation.status());
    return true;
  }
  if (!operation->done() && !time_up) return false;
  call.response() = *std::move(operation);
  call.Finish(absl::OkStatus());
  return true;
}

void Wait(const ApiSettings& settings, RunFollower::Parts waiting, Operations* operations, const Caller& caller,
          const std::shared_ptr<WaitCall>& call) {
  const absl::Duration wait = WaitOf(call->request(), caller.deadline, settings);
  // What is not the tenant's is told at once, and takes no place among the waiters.
  if (LookOnce(operations, caller, wait == absl::ZeroDuration(), *call)) return;
  const std::string uid = domain::ParseOperationName(call->request().name()).value_or("");
  const auto follower = RunFollower::Start(waiting, caller.tenant, uid, absl::Now() + wait,
                                           [=](bool time_up, const RunFollower::Done& done) {
                                             const bool over = LookOnce(operations, caller, time_up, *call);
                                             done(over ? RunFollower::Next::kEnd : RunFollower::Next::kWait);
                                           });
  if (!follower.ok()) return call->Finish(follower.status());
  static_cast<rpc::Call&>(*call).OnCancel([call, follower = *follower] {
    follower->Stop();
    call->Finish(absl::CancelledError("the caller went away or its deadline passed"));
  });
}

}  // namespace

grpc::ServerUnaryReactor* OperationsGrpcService::GetOperation(grpc::CallbackServerContext* context,
                                                              const google::longrunning::GetOperationRequest* request,
                                                              Operation* response) {
  return Serve(waiting_.executor, context, request, response, &operations_, &Operations::Get);
}

grpc::ServerUnaryReactor* OperationsGrpcService::ListOperations(
    grpc::CallbackServerContext* context, const google::longrunning::ListOperationsRequest* request,
    google::longrunning::ListOperationsResponse* response) {
  return Serve(waiting_.executor, context, request, response, &operations_, &Operations::List);
}

grpc::ServerUnaryReactor* OperationsGrpcService::WaitOperation(grpc::CallbackServerContext* context,
                                                               const google::longrunning::WaitOperationRequest* request,
                                                               Operation* response) {
  return rpc::Unary(context, request, response, [this](std::shared_ptr<WaitCall> call) {
    OnExecutor(waiting_.executor, std::move(call),
               [this](const Caller& caller, const std::shared_ptr<WaitCall>& started) {
                 Wait(settings_, waiting_, &operations_, caller, started);
               });
  });
}

grpc::ServerUnaryReactor* OperationsGrpcService::CancelOperation(
    grpc::CallbackServerContext* context, const google::longrunning::CancelOperationRequest* request,
    google::protobuf::Empty* response) {
  using CallType = rpc::UnaryCall<google::longrunning::CancelOperationRequest, google::protobuf::Empty>;
  return rpc::Unary(context, request, response, [this](std::shared_ptr<CallType> call) {
    OnExecutor(waiting_.executor, std::move(call),
               [this](const Caller& caller, const std::shared_ptr<CallType>& started) {
                 started->Finish(operations_.Cancel(caller, started->request()));
               });
  });
}

grpc::ServerUnaryReactor* OperationsGrpcService::DeleteOperation(
    grpc::CallbackServerContext* context, const google::longrunning::DeleteOperationRequest* request,
    google::protobuf::Empty* response) {
  using CallType = rpc::UnaryCall<google::longrunning::DeleteOperationRequest, google::protobuf::Empty>;
  return rpc::Unary(context, request, response, [](const std::shared_ptr<CallType>& call) {
    call->Finish(absl::UnimplementedError("operations are not deleted: they go with their stack"));
  });
}

}  // namespace stratus::provisioning::service
