// Between gRPC and a blocking handler: a call waits its turn in the executor, runs there, and is finished there.
#pragma once

#include <memory>
#include <utility>

#include "lib/rpc/unary.h"
#include "lib/telemetry/span.h"
#include "services/provisioning/service/api/caller.h"
#include "services/provisioning/service/api/fair_executor.h"

namespace stratus::provisioning::service {

// Runs `handle(caller, call)` on the executor, unless the caller has gone by then; finishes the call when the executor
// refuses. `handle` finishes it otherwise.
template <typename CallType, typename Handle>
void OnExecutor(FairExecutor* executor, std::shared_ptr<CallType> call, Handle handle) {
  Caller caller = CallerOf(*call);
  const std::string tenant = caller.tenant;
  const absl::Status submitted = executor->Submit(tenant, [call, caller = std::move(caller), handle = std::move(handle),
                                                           span = telemetry::CurrentSpan()]() mutable {
    const telemetry::ScopedSpan scope(span);
    if (call->cancelled()) return call->Finish(absl::CancelledError("the caller went away before its turn"));
    handle(caller, call);
  });
  if (!submitted.ok()) call->Finish(submitted);
}

// A unary method that is one blocking call of `method` on `object`.
template <typename Object, typename Request, typename Response>
grpc::ServerUnaryReactor* Serve(FairExecutor* executor, grpc::CallbackServerContext* context, const Request* request,
                                Response* response, Object* object,
                                absl::StatusOr<Response> (Object::*method)(const Caller&, const Request&)) {
  using CallType = rpc::UnaryCall<Request, Response>;
  return rpc::Unary(context, request, response, [=](std::shared_ptr<CallType> call) {
    OnExecutor(executor, std::move(call), [=](const Caller& caller, const std::shared_ptr<CallType>& started) {
      absl::StatusOr<Response> result = (object->*method)(caller, started->request());
      if (!result.ok()) return started->Finish(result.status());
      started->response() = *std::move(result);
      started->Finish(absl::OkStatus());
    });
  });
}

}  // namespace stratus::provisioning::service
