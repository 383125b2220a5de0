// A unary method, written as a function that gets the call and finishes it, now or later, from any thread.
//
//   grpc::ServerUnaryReactor* GetThing(grpc::CallbackServerContext* context, const GetThingRequest* request,
//                                      Thing* response) override {
//     return rpc::Unary(context, request, response, [this](std::shared_ptr<rpc::UnaryCall<GetThingRequest, Thing>>
//     call) {
//       store_.Find(call->request().name(), [call](absl::StatusOr<Thing> thing) {
//         if (!thing.ok()) return call->Finish(thing.status());
//         call->response() = *std::move(thing);
//         call->Finish(absl::OkStatus());
//       });
//     });
//   }
//
// A call that the interceptor did not admit is finished here, and the handler never runs. A handler must not block: it
// runs on gRPC's threads.
#pragma once

#include <memory>
#include <utility>

#include "grpcpp/support/server_callback.h"
#include "lib/rpc/admission.h"
#include "lib/rpc/call.h"
#include "lib/rpc/call_context.h"
#include "lib/rpc/message_bytes.h"
#include "lib/rpc/status.h"

namespace stratus::rpc {

template <typename Request, typename Response>
class UnaryCall final : public Call, private grpc::ServerUnaryReactor {
 public:
  using Call::OnCancel;  // the reactor has a hook of the same name

  const Request& request() const { return request_; }
  // What Finish(OK) sends.
  Response& response() { return response_; }

  // Ends the call: with response() when OK, with the error and its details otherwise. The first time counts, later ones
  // do nothing. A call whose last reference goes away unfinished is finished with INTERNAL.
  void Finish(const absl::Status& status) {
    if (!ClaimFinish()) return;
    if (status.ok()) CountOut(MessageBytes(response_));
    grpc::ServerUnaryReactor::Finish(ToGrpc(status));
  }

 private:
  template <typename Req, typename Resp, typename Handler>
  friend grpc::ServerUnaryReactor* Unary(grpc::CallbackServerContext*, const Req*, Resp*, Handler&&);

  UnaryCall(CallContext* context, const Request& request, Response& response)
      : Call(context), request_(request), response_(response) {
    CountIn(MessageBytes(request));
  }

  void OnCancel() override { Cancel(); }
  void OnDone() override { Unref(); }

  void HandlerLetGo() {
    Finish(HandlerDroppedCall());
    Unref();
  }
  // gRPC holds one reference until OnDone, the handler's shared_ptr the other.
  void Unref() {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  const Request& request_;  // both are gRPC's, until OnDone
  Response& response_;
  std::atomic<int> references_{2};
};

// `handler` is called as void(std::shared_ptr<UnaryCall<Request, Response>>), at most once, before this returns.
template <typename Request, typename Response, typename Handler>
grpc::ServerUnaryReactor* Unary(grpc::CallbackServerContext* context, const Request* request, Response* response,
                                Handler&& handler) {
  absl::Status refusal;
  CallContext* admitted = Admit(context, &refusal);
  if (admitted == nullptr) {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(ToGrpc(refusal));
    return reactor;
  }
  using CallType = UnaryCall<Request, Response>;
  auto* reactor = new CallType(admitted, *request, *response);
  const telemetry::SpanRef span = admitted->span();  // a copy: the call may end before the handler returns
  const telemetry::ScopedSpan scope(span);
  std::forward<Handler>(handler)(std::shared_ptr<CallType>(reactor, [](CallType* call) { call->HandlerLetGo(); }));
  return reactor;
}

}  // namespace stratus::rpc
