// REST to a unary method. The reply's JSON is written straight from the DATA chunk that holds the message into the
// connection's output, and taken back in the rare case that the trailers then report an error.
#pragma once

#include <string_view>

#include "gateway/proxy/call_pool.h"
#include "gateway/proxy/entity_tag.h"
#include "gateway/proxy/transcoded_call.h"

namespace stratus::gateway::proxy {

class UnaryCall final : public TranscodedCall {
 public:
  UnaryCall(Environment* environment, CallPool<UnaryCall>* pool) : TranscodedCall(environment), pool_(pool) {}

  // upstream::CallObserver
  void OnData(std::string_view piece) override;
  void OnEnd(const absl::Status& status, absl::Span<const http::Header> trailers) override;

 private:
  void TakeBack() override;
  void Recycle() override;
  absl::Status WriteReply(std::string_view message);
  absl::Status WriteHttpBody(std::string_view message);
  // Adds what lets a client keep the answer to a GET; true when it has got it already, and 304 was answered.
  bool Validate(std::string_view message, HeaderList* headers);
  // For a client that accepts gzip.
  absl::Status WriteCoded(std::string_view message, HeaderList headers);
  Buffer& StartBody(const HeaderList& headers);
  absl::Status ToJson(std::string_view message, Buffer* out) const;

  CallPool<UnaryCall>* pool_;
  bool body_started_ = false;
  char entity_tag_[kEntityTagSize];
};

}  // namespace stratus::gateway::proxy
