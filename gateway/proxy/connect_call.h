// A call of the Connect protocol, all four kinds, in JSON or binary: gRPC behind. A Connect client sees every method
// that a gRPC client sees, whether it has an HTTP annotation or not, under the same authorization.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gateway/filter/content_coding.h"
#include "gateway/proxy/call_pool.h"
#include "gateway/proxy/coded_body.h"
#include "gateway/proxy/connect.h"
#include "gateway/proxy/grpc_frame.h"
#include "gateway/proxy/proxy_call.h"
#include "gateway/transcode/buffer.h"
#include "google/rpc/status.pb.h"

namespace stratus::gateway::proxy {

class ConnectCall final : public ProxyCall {
 public:
  ConnectCall(Environment* environment, CallPool<ConnectCall>* pool)
      : ProxyCall(environment),
        pool_(pool),
        coded_(
            environment->timers, [](void* self) { static_cast<ConnectCall*>(self)->DecodeBody(); }, this) {}

  // Of a POST; by GET the query says what `form` is.
  void Start(http::Exchange* exchange, std::shared_ptr<WorkerSnapshot> snapshot, const Method& method,
             ConnectForm form);

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

  absl::Status CheckHead();
  bool RefuseForm();
  void StartUpstream();
  int64_t AskedTimeoutNs() const;
  static void Drop(Buffer* buffer);
  absl::Status AppendMessage(std::string_view bytes, Buffer* frame);
  absl::Status Decode(filter::BodyReader* decoder, std::string_view piece, const char* wrong, Buffer* out);

  // --- Unary.
  absl::Status TakeBody(std::string_view piece);
  absl::Status StatusOf(filter::DecodeResult result, const char* wrong) const;
  void DecodeBody();
  void Dispatch();
  absl::Status TakeReply(std::string_view message);
  void Reply(absl::Span<const http::Header> trailers);

  // --- Streaming.
  absl::Status SendMessages(std::string_view piece);
  absl::Status AppendStreamed(std::string_view message);
  void EndRequests();
  void StartResponse(absl::Span<const http::Header> metadata);
  absl::Status WriteMessage(std::string_view message);
  void EndStream(const google::rpc::Status* error, absl::Span<const http::Header> trailers);

  // Ends the call with an error of our own; the upstream call is cancelled.
  void Fail(const absl::Status& status);
  void FailWith(const google::rpc::Status& error, absl::Span<const http::Header> trailers);

  CallPool<ConnectCall>* pool_;
  ConnectForm form_;
  filter::ContentCoding coding_ = filter::ContentCoding::kIdentity;  // of a stream's messages that say they are coded
  Buffer body_;  // of a unary call; of a streaming one what came before the decision about the caller
  Buffer frame_;
  Buffer reply_;
  Buffer decoded_;  // of one compressed message of a stream
  MessageReader requests_;
  MessageReader replies_;
  std::unique_ptr<filter::BodyReader> decoder_;                // of a unary body that is coded
  CodedBody coded_;                                            // that body
  std::vector<std::pair<std::string, std::string>> metadata_;  // of a unary reply
  std::string challenge_;
  bool request_ended_ = false;
  bool replied_ = false;
  bool response_started_ = false;
  size_t body_uncredited_ = 0;  // client bytes whose credit waits: for the decision, or until the upstream takes them
  size_t data_uncredited_ = 0;  // upstream bytes whose credit waits until the client has taken them
};

}  // namespace stratus::gateway::proxy
