// The body of a REST request that streams: JSON values, or the bytes of an HttpBody, turned into gRPC messages as they
// come. Bytes in, frames out; sending them and holding the client back is the call's part.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "gateway/proxy/environment.h"
#include "gateway/proxy/json_stream_reader.h"

namespace stratus::gateway::proxy {

class RequestStream {
 public:
  // `parameters`: the wire format of path variables and query, which the first message carries besides its own.
  // `content_type` is read until the last message has been made.
  void Begin(const Route& route, std::string_view content_type, std::string_view parameters,
             const CallSettings& settings);

  // Appends the frames of all messages that `piece` completes. On an error (a message is no JSON of its type, is too
  // long) what was appended must not be sent.
  absl::Status Add(std::string_view piece, Buffer* frames);
  // The body has ended: appends what there still is. Parameters without any message are a message of their own, and so
  // is an HttpBody without any bytes.
  absl::Status End(Buffer* frames);

  // Gives back what a large message took, when the stream is over.
  void Release() { reader_.Release(); }

  // Whether the error is that one message was larger than a request body may be.
  bool too_large() const { return too_large_; }

 private:
  absl::Status AddJson(std::string_view json, Buffer* frames);
  void AddBytes(std::string_view bytes, Buffer* frames);
  void CloseFrame(size_t start, Buffer* frames);
  absl::Status Malformed() const;
  absl::Status TooLarge();

  const Route* route_ = nullptr;
  const CallSettings* settings_ = nullptr;
  std::string_view content_type_;
  Buffer parameters_;
  JsonStreamReader reader_;
  uint64_t messages_ = 0;
  bool too_large_ = false;
};

}  // namespace stratus::gateway::proxy
