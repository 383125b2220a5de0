// gRPC-Web (gRPC's PROTOCOL-WEB.md): gRPC's messages in the body of any HTTP version, the trailers as a last frame of
// it, all of it in base64 when a browser asks for text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "gateway/http/exchange.h"
#include "gateway/transcode/buffer.h"

namespace stratus::gateway::proxy {

enum class WebForm : uint8_t {
  kNone,    // plain gRPC
  kBinary,  // application/grpc-web
  kText,    // application/grpc-web-text: base64
};

// kNone for any other content type.
WebForm WebFormOf(std::string_view content_type);
// What the response comes as: what `accept` names, else what the request came as.
WebForm ResponseForm(WebForm request, std::string_view accept);

// `application/grpc-web-text+proto` as gRPC says it: `application/grpc+proto`.
std::string GrpcContentType(std::string_view web_content_type);
// The other way round.
std::string WebContentType(WebForm form, std::string_view grpc_content_type);

// Decodes base64 that comes in pieces. Padding may stand in the middle: what a client encodes at a time is padded.
class Base64Reader {
 public:
  void Reset() { bits_ = count_ = padding_ = 0; }
  // Appends what `text` completes; false when it is no base64.
  bool Read(std::string_view text, Buffer* out);
  // Whether the text may end here.
  bool complete() const { return count_ == 0; }

 private:
  bool CloseQuantum(Buffer* out);

  uint32_t bits_ = 0;
  uint32_t count_ = 0;  // characters of the quantum that has begun
  uint32_t padding_ = 0;
};

// Appends a part of a response's body as its form has it.
void AppendWeb(WebForm form, std::string_view bytes, Buffer* out);
// Appends the frame that stands for the trailers.
void AppendWebTrailers(WebForm form, absl::Span<const http::Header> trailers, Buffer* out);

}  // namespace stratus::gateway::proxy
