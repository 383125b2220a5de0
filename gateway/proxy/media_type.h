// Content-Type and Accept as far as the gateway looks at them.
#pragma once

#include <string_view>

namespace stratus::gateway::proxy {

// application/json or application/...+json, with any parameters.
bool IsJson(std::string_view content_type);

// application/x-ndjson, or one of its other names.
bool IsNdjson(std::string_view content_type);

// How a server stream is framed.
enum class StreamFormat {
  kArray,       // application/json: one JSON array
  kNdjson,      // application/x-ndjson: one JSON value a line
  kServerSent,  // text/event-stream: one event a message
};

// What `accept` prefers among the three, by q-value and then by the more specific range; kArray when it names none.
StreamFormat ChooseStreamFormat(std::string_view accept);

std::string_view ContentTypeOf(StreamFormat format);

}  // namespace stratus::gateway::proxy
