// The request half of a REST call: collects the body, makes the gRPC request of it, starts the upstream call; or, for a
// method that takes a stream, starts it at once and sends on each message as it comes. What the reply becomes is the
// derived classes' part.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gateway/filter/content_coding.h"
#include "gateway/proxy/coded_body.h"
#include "gateway/proxy/grpc_frame.h"
#include "gateway/proxy/proxy_call.h"
#include "gateway/proxy/request_stream.h"
#include "gateway/route/router.h"
#include "gateway/transcode/buffer.h"
#include "google/rpc/status.pb.h"

namespace stratus::gateway::proxy {

class TranscodedCall : public ProxyCall {
 public:
  explicit TranscodedCall(Environment* environment)
      : ProxyCall(environment),
        coded_(
            environment->timers, [](void* self) { static_cast<TranscodedCall*>(self)->DecodeBody(); }, this) {}

  void Start(http::Exchange* exchange, std::shared_ptr<WorkerSnapshot> snapshot, const route::Match& match);

  // http::Handler
  void OnBody(std::string_view piece) final;
  void OnBodyEnd() final;
  // Also upstream::CallObserver: either side has taken what was held back for it.
  void OnDrained() final;
  size_t held_bytes() const override;

  // upstream::CallObserver
  void OnHead(absl::Span<const http::Header> metadata) final;

 protected:
  ~TranscodedCall() = default;

  // The service's metadata is here, and stored for ReplyHeaders.
  virtual void OnReplyHead() {}
  // Whether a response has begun that has to be taken back or aborted before an error.
  virtual void TakeBack() {}
  // The request turns out to be wrong, perhaps when a response has begun: ends the call so that the client sees it.
  virtual void FailRequest(const absl::Status& status, int http_status) { Fail(status, http_status); }
  // Asked where the method's replies may be kept: true when the call needs no upstream, at least not now.
  virtual bool AnswerFromCache() { return false; }
  // The service gets no headers but those that the cache tells replies apart by.
  void DeclaredMetadataOnly() { declared_only_ = true; }
  // The request is complete: makes the gRPC request of it, unless AnswerFromCache sees to it.
  void Dispatch();
  // Begins the same call as a request that has no body, and that was authorized, for no client: `exchange` is a copy of
  // its own. SendRequest follows.
  void BeginDetached(http::Exchange* exchange, std::shared_ptr<WorkerSnapshot> snapshot);
  void SendRequest();
  // The client may have taken what the response held back for.
  virtual void OnClientDrained() {}

  // What a successful response carries: content-type, the mapped metadata and the common headers.
  HeaderList ReplyHeaders(std::string_view content_type) const;
  int reply_status() const { return reply_status_; }
  void SetReplyStatus(int status) { reply_status_ = status; }
  // What of the service's metadata goes to the client.
  void AppendStored(HeaderList* out) const;
  // One of it by name; empty when there is none.
  std::string_view StoredValue(std::string_view name) const;

  // Ends the call with an error of our own; the upstream call is cancelled. `http_status` 0: by the status's code.
  void Fail(const absl::Status& status, int http_status = 0);
  // Ends the call with the upstream's error; the upstream call is over.
  void FailWith(const google::rpc::Status& error, int http_status = 0);

  const Route& route() const { return *route_; }
  int route_number() const { return match_.route; }
  MessageReader& reader() { return reader_; }
  void Clear();

 private:
  // A header of the reply: the name lives in the HeaderMap, the value in metadata_.
  struct StoredHeader {
    std::string_view name;
    size_t at;
    size_t size;
  };
  static constexpr size_t kBufferKept = 64 << 10;
  static constexpr char kNotItsCoding[] = "the request body is not what its content-encoding says";
  static constexpr char kCutCoding[] = "the request body ends in the middle of its content-encoding";

  void FailCall(const absl::Status& status) final { FailRequest(status, 0); }
  void OnAuthorized() final;
  void OnDenied(const auth::Outcome& outcome) final;
  bool AcceptsBody();
  // False when the call has ended because the body is refused.
  bool TakeBody(std::string_view piece);
  bool Took(filter::DecodeResult result);
  void DecodeBody();
  bool FailTooLarge();
  void StartUpstream();
  // Of a method that takes a stream.
  void StartIncoming();
  void TakeIncoming(std::string_view piece);
  void EndIncoming();
  bool SendMessages(std::string_view piece);
  bool DecodeIncoming();
  void GoOn();
  static void Drop(Buffer* buffer);
  absl::Status BuildFrame();
  absl::Status AppendBody();
  absl::Status AppendParameters(Buffer* out);
  void StoreMetadata(absl::Span<const http::Header> metadata);
  void Reply(const google::rpc::Status& error, int http_status, http::Header extra);

  const Route* route_ = nullptr;
  route::Match match_;
  Buffer body_;  // decoded; of a stream that is coded, what waits for decoding
  Buffer frame_;
  size_t withheld_ = 0;  // body bytes whose credit waits: for the decision about the caller, or for a slow service
  bool body_complete_ = false;
  bool declared_only_ = false;
  bool streams_in_ = false;
  bool half_closed_ = false;                     // of a stream: all of it was sent on
  std::unique_ptr<filter::BodyReader> decoder_;  // of a body that is coded; null otherwise
  CodedBody coded_;                              // of such a body, unless it streams
  std::unique_ptr<RequestStream> incoming_;      // made by the first call that needs one
  MessageReader reader_;
  Buffer metadata_;
  std::vector<StoredHeader> stored_;
  int reply_status_ = 200;
  std::string scratch_;
};

}  // namespace stratus::gateway::proxy
