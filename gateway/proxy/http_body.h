// google.api.HttpBody on the wire: bytes with a content type, carried through without JSON.
#pragma once

#include <cstdint>
#include <string_view>

#include "gateway/transcode/buffer.h"

namespace stratus::gateway::proxy {

struct HttpBodyView {
  std::string_view content_type;
  std::string_view data;
};

// Reads a serialized HttpBody; with `field_number` > 0, the HttpBody in that field of a message (absent: empty). Views
// into `wire`. False when the wire format is malformed.
bool ParseHttpBody(std::string_view wire, uint32_t field_number, HttpBodyView* out);

// Appends an HttpBody; with `field_number` > 0, as that field of a message.
void AppendHttpBody(const HttpBodyView& body, uint32_t field_number, Buffer* out);

// Whether a content type may stand in a header.
bool IsHeaderSafe(std::string_view value);

// Whether it names a header, in lower case.
bool IsHeaderName(std::string_view name);

}  // namespace stratus::gateway::proxy
