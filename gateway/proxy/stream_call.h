// REST to a server-streaming method: a JSON array, NDJSON or server-sent events, as the client's Accept chooses.
//
// An error after the first message cannot change the status any more. It becomes an error record, and the response is
// then cut (HTTP/1) or reset (HTTP/2), so that no client can take what it has for the whole.
#pragma once

#include <string_view>

#include "gateway/proxy/call_pool.h"
#include "gateway/proxy/media_type.h"
#include "gateway/proxy/transcoded_call.h"
#include "gateway/upstream/timer_queue.h"

namespace stratus::gateway::proxy {

class StreamCall final : public TranscodedCall {
 public:
  StreamCall(Environment* environment, CallPool<StreamCall>* pool);

  // upstream::CallObserver
  void OnData(std::string_view piece) override;
  void OnEnd(const absl::Status& status, absl::Span<const http::Header> trailers) override;

 private:
  void OnReplyHead() override;
  void OnClientDrained() override;
  void FailRequest(const absl::Status& status, int http_status) override { Break(status, http_status); }
  void Recycle() override;
  bool TakeMessages(std::string_view piece);
  void StartStream(std::string_view content_type);
  absl::Status WriteMessage(std::string_view message);
  absl::Status WriteHttpBody(std::string_view message);
  void EndInOrder();
  // Ends a started stream so that the client sees the failure.
  void EndBroken(const google::rpc::Status& error);
  void Break(const absl::Status& status, int http_status = 0);

  CallPool<StreamCall>* pool_;
  StreamFormat format_ = StreamFormat::kArray;
  bool started_ = false;
  bool head_only_ = false;
  uint64_t messages_ = 0;
  size_t uncredited_ = 0;  // upstream bytes whose credit waits until the client has read
};

}  // namespace stratus::gateway::proxy
