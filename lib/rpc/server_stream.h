// A method that answers with a stream of messages.
//
//   grpc::ServerWriteReactor<Event>* Watch(grpc::CallbackServerContext* context, const WatchRequest* request) override
//   {
//     return rpc::ServerStream<Event>(context, request,
//                                     [this](std::shared_ptr<rpc::ServerStreamCall<WatchRequest, Event>> call) {
//       call->OnCancel([call] { call->Finish(absl::CancelledError("the caller went away")); });
//       ...
//       call->Write(event, [call](bool sent) { ... the next one, or call->Finish(...) });
//     });
//   }
//
// At most one write is under way, so a slow reader holds back its writer, and nothing queues here. Admission and
// threads are as in unary.h.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "grpcpp/support/server_callback.h"
#include "lib/rpc/admission.h"
#include "lib/rpc/call.h"
#include "lib/rpc/call_context.h"
#include "lib/rpc/message_bytes.h"
#include "lib/rpc/status.h"
#include "lib/rpc/stream_gate.h"

namespace stratus::rpc {

template <typename Request, typename Response>
class ServerStreamCall final : public Call, private grpc::ServerWriteReactor<Response> {
 public:
  using WriteDone = std::function<void(bool sent)>;

  using Call::OnCancel;  // the reactor has a hook of the same name

  const Request& request() const { return request_; }

  // Sends one message. True: it is under way, and `done` runs once when the transport has taken it (`sent`) or the call
  // has failed. False: not accepted, because a write is still under way or the stream has ended, and `done` never runs.
  // From any thread.
  bool Write(Response message, WriteDone done) {
    if (!gate_.BeginWrite()) return false;
    message_ = std::move(message);
    CountOut(MessageBytes(message_));
    done_ = std::move(done);
    this->StartWrite(&message_);
    if (std::optional<absl::Status> end = gate_.WriteStarted()) FinishNow(*end);
    return true;
  }

  bool writing() { return gate_.writing(); }

  // Ends the stream, after a write that is under way. As UnaryCall::Finish.
  void Finish(const absl::Status& status) {
    if (gate_.End(status)) FinishNow(status);
  }

 private:
  template <typename Resp, typename Req, typename Handler>
  friend grpc::ServerWriteReactor<Resp>* ServerStream(grpc::CallbackServerContext*, const Req*, Handler&&);

  ServerStreamCall(CallContext* context, const Request& request) : Call(context), request_(request) {
    CountIn(MessageBytes(request));
  }

  void FinishNow(const absl::Status& status) {
    if (ClaimFinish()) grpc::ServerWriteReactor<Response>::Finish(ToGrpc(status));
  }

  void OnWriteDone(bool sent) override {
    WriteDone done = std::exchange(done_, nullptr);
    gate_.WriteDone();
    if (done) done(sent);
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

  const Request& request_;  // gRPC's, until OnDone
  StreamGate gate_;
  Response message_;  // gRPC's, and done_ OnWriteDone's, while a write is under way
  WriteDone done_;
  std::atomic<int> references_{2};
};

// Ends a refused stream.
template <typename Response>
class RefusedStream final : public grpc::ServerWriteReactor<Response> {
 public:
  explicit RefusedStream(const absl::Status& status) { this->Finish(ToGrpc(status)); }
  void OnDone() override { delete this; }
};

// `handler` is called as void(std::shared_ptr<ServerStreamCall<Request, Response>>), at most once, before this returns.
template <typename Response, typename Request, typename Handler>
grpc::ServerWriteReactor<Response>* ServerStream(grpc::CallbackServerContext* context, const Request* request,
                                                 Handler&& handler) {
  absl::Status refusal;
  CallContext* admitted = Admit(context, &refusal);
  if (admitted == nullptr) return new RefusedStream<Response>(refusal);
  using CallType = ServerStreamCall<Request, Response>;
  auto* reactor = new CallType(admitted, *request);
  const telemetry::SpanRef span = admitted->span();  // a copy: the call may end before the handler returns
  const telemetry::ScopedSpan scope(span);
  std::forward<Handler>(handler)(std::shared_ptr<CallType>(reactor, [](CallType* call) { call->HandlerLetGo(); }));
  return reactor;
}

}  // namespace stratus::rpc
