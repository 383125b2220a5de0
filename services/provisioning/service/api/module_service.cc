#include "services/provisioning/service/api/module_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/service/api/serve.h"

namespace stratus::provisioning::service {
namespace {

// Between the end of the wait and the call's deadline: for the answer to get through.
constexpr absl::Duration kAnswerTime = absl::Milliseconds(500);

template <typename CallType>
void FinishPending(const DirectRun& run, CallType& call) {
  call.SetHttpStatus(202);
  call.AddInitialMetadata("location", absl::StrCat("/v1/", domain::OperationName(run.run)));
  call.response() = DirectForm::Pending(run);
  call.Finish(absl::OkStatus());
}

// One look; true when the call is finished.
template <typename CallType>
bool LookOnce(DirectForm* direct, const Caller& caller, const DirectRun& run, bool time_up, CallType& call) {
  v1::DirectReply reply;
  const auto progress = direct->Look(caller, run, &reply);
  if (!progress.ok()) {
    call.Finish(progress.status());
    return true;
  }
  if (*progress == DirectForm::Progress::kEnded) {
    call.SetHttpStatus(run.http_status);
    call.response() = std::move(reply);
    call.Finish(absl::OkStatus());
    return true;
  }
  // An approval may take days: nobody waits for it on a connection.
  const bool leaves = time_up || *progress == DirectForm::Progress::kWaitsForApproval;
  if (leaves) FinishPending(run, call);
  return leaves;
}

template <typename CallType>
void WaitFor(const ApiSettings& settings, RunFollower::Parts waiting, DirectForm* direct, const Caller& caller,
             const DirectRun& run, const std::shared_ptr<CallType>& call) {
  const DirectWait wait = DirectWaitOf(caller.prefer, caller.deadline, absl::Now(), settings);
  if (wait.asked_for) {
    call->AddInitialMetadata("preference-applied", absl::StrCat("wait=", absl::ToInt64Seconds(wait.wait)));
  }
  if (wait.wait <= absl::ZeroDuration()) return FinishPending(run, *call);
  const auto follower = RunFollower::Start(waiting, caller.tenant, run.run, absl::Now() + wait.wait,
                                           [=](bool time_up, const RunFollower::Done& done) {
                                             const bool over = LookOnce(direct, caller, run, time_up, *call);
                                             done(over ? RunFollower::Next::kEnd : RunFollower::Next::kWait);
                                           });
  // With too many waiters, nobody's run is refused: only the wait is.
  if (!follower.ok()) return FinishPending(run, *call);
  // The run goes on: it is not the caller's any more.
  static_cast<rpc::Call&>(*call).OnCancel([call, follower = *follower] {
    follower->Stop();
    call->Finish(absl::CancelledError("the caller went away; the run goes on"));
  });
}

}  // namespace

DirectWait DirectWaitOf(std::string_view prefer, absl::Time deadline, absl::Time now, const ApiSettings& settings) {
  const auto preferred = WaitPreference(prefer);
  const absl::Duration most = std::min(settings.wait_max, deadline - now - kAnswerTime);
  const absl::Duration wait = std::max(absl::ZeroDuration(), std::min(preferred.value_or(settings.wait_default), most));
  return {preferred ? absl::Trunc(wait, absl::Seconds(1)) : wait, preferred.has_value()};
}

grpc::ServerUnaryReactor* ModuleGrpcService::ApplyModule(grpc::CallbackServerContext* context,
                                                         const v1::ApplyModuleRequest* request,
                                                         v1::DirectReply* response) {
  using CallType = rpc::UnaryCall<v1::ApplyModuleRequest, v1::DirectReply>;
  return rpc::Unary(context, request, response, [this](std::shared_ptr<CallType> call) {
    OnExecutor(waiting_.executor, std::move(call),
               [this](const Caller& caller, const std::shared_ptr<CallType>& started) {
                 const auto run = direct_.Apply(caller, started->request());
                 if (!run.ok()) return started->Finish(run.status());
                 WaitFor(settings_, waiting_, &direct_, caller, *run, started);
               });
  });
}

grpc::ServerUnaryReactor* ModuleGrpcService::DestroyModule(grpc::CallbackServerContext* context,
                                                           const v1::DestroyModuleRequest* request,
                                                           v1::DirectReply* response) {
  using CallType = rpc::UnaryCall<v1::DestroyModuleRequest, v1::DirectReply>;
  return rpc::Unary(context, request, response, [this](std::shared_ptr<CallType> call) {
    OnExecutor(waiting_.executor, std::move(call),
               [this](const Caller& caller, const std::shared_ptr<CallType>& started) {
                 const auto run = direct_.Destroy(caller, started->request());
                 if (!run.ok()) return started->Finish(run.status());
                 WaitFor(settings_, waiting_, &direct_, caller, *run, started);
               });
  });
}

}  // namespace stratus::provisioning::service
