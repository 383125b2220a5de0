// gRPC to gRPC: the bytes are not looked at; metadata, trailers, deadline, flow control and cancellation are carried
// both ways, for all four kinds of calls.
#pragma once

#include <string>
#include <string_view>

#include "gateway/proxy/call_pool.h"
#include "gateway/proxy/grpc_web.h"
#include "gateway/proxy/proxy_call.h"
#include "gateway/transcode/buffer.h"

namespace stratus::gateway::proxy {

class PassThroughCall final : public ProxyCall {
 public:
  PassThroughCall(Environment* environment, CallPool<PassThroughCall>* pool) : ProxyCall(environment), pool_(pool) {}

  void Start(http::Exchange* exchange, std::shared_ptr<WorkerSnapshot> snapshot, WebForm web);

  // http::Handler
  void OnBody(std::string_view piece) override;
  void OnBodyEnd() override;
  // Either side can take more.
  void OnDrained() override;
  size_t held_bytes() const override;

  // upstream::CallObserver
  void OnHead(absl::Span<const http::Header> metadata) override;
  void OnData(std::string_view piece) override;
  void OnEnd(const absl::Status& status, absl::Span<const http::Header> trailers) override;

 private:
  void FailCall(const absl::Status& status) override { Fail(status); }
  void OnAuthorized() override;
  void OnDenied(const auth::Outcome& outcome) override;
  void Recycle() override;
  void StartUpstream();
  void AnswerNotServing();
  HeaderList ResponseHeaders(absl::Span<const http::Header> metadata);
  void EndResponse(absl::Span<const http::Header> trailers, absl::StatusCode code);
  // The request's bytes as gRPC has them; false when the call has ended because they are none.
  bool Decode(std::string_view* piece);
  // Ends the call with a status of our own.
  void Fail(const absl::Status& status);

  CallPool<PassThroughCall>* pool_;
  std::string path_;
  Buffer early_;  // what came before the decision about the caller; bounded by the client's window
  Buffer decoded_;
  Base64Reader base64_;
  std::string web_content_type_;  // of the response, while its headers are made
  WebForm request_form_ = WebForm::kNone;
  WebForm response_form_ = WebForm::kNone;
  bool request_ended_ = false;
  bool response_started_ = false;
  size_t body_uncredited_ = 0;  // client bytes whose credit waits until the upstream has taken them
  size_t data_uncredited_ = 0;  // upstream bytes whose credit waits until the client has taken them
};

}  // namespace stratus::gateway::proxy
