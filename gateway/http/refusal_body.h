// The body of a response that a connection gives by itself: the ProtoJSON of google.rpc.Status, as for every error of
// the gateway.
#pragma once

#include "gateway/http/exchange.h"
#include "gateway/http/h1_parser.h"
#include "gateway/transcode/buffer.h"

namespace stratus::gateway::http {

inline constexpr Header kJsonContentType = {"content-type", "application/json"};

// google.rpc.Code of a status that a connection refuses with, by the table in google/rpc/code.proto.
constexpr std::string_view RefusalCode(int http_status) {
  switch (http_status) {
    case 405:
    case 501:
    case 505: return "12";  // UNIMPLEMENTED
    case 408: return "4";   // DEADLINE_EXCEEDED
    case 500: return "13";  // INTERNAL
    default: return "3";    // INVALID_ARGUMENT
  }
}

inline void AppendRefusalBody(const Refusal& refusal, Buffer* out) {
  out->Append(R"({"code":)");
  out->Append(RefusalCode(refusal.status));
  out->Append(R"(,"message":")");
  out->Append(refusal.reason);  // plain words: nothing to escape
  out->Append(R"(","details":[]})");
}

}  // namespace stratus::gateway::http
