// The head of an HTTP/1.1 response, written straight into the output buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/types/span.h"
#include "gateway/http/exchange.h"
#include "gateway/transcode/buffer.h"

namespace stratus::gateway::http {

enum class Framing : uint8_t {
  kLength,      // content-length, patched later by PatchLength
  kChunked,     // transfer-encoding: chunked
  kUntilClose,  // HTTP/1.0: the end of the connection ends the body
  kNone,        // 204 and 304: no body and no length
};

enum class Persistence : uint8_t {
  kDefault,    // what the protocol version implies
  kClose,      // connection: close
  kKeepAlive,  // connection: keep-alive, for an HTTP/1.0 client that asked for it
};

struct ResponseHead {
  int status = 200;
  absl::Span<const Header> headers;
  std::string_view date;
  Framing framing = Framing::kLength;
  Persistence persistence = Persistence::kDefault;
};

// Whether a status never has a body (RFC 9110, 6.4.1).
inline bool IsBodiless(int status) { return status == 204 || status == 304 || (status >= 100 && status < 200); }

// No CR, LF or NUL: what is left out of a response lest it be split. Upstream metadata is not to be trusted here.
bool IsSafeHeaderValue(std::string_view value);

// Appends the head. Unsafe header values are left out with their name. With Framing::kLength returns the offset that
// PatchLength takes, else 0.
size_t AppendResponseHead(const ResponseHead& head, Buffer* out);

// Writes the body's length into the room that AppendResponseHead kept for it.
void PatchLength(size_t offset, size_t length, Buffer* out);

}  // namespace stratus::gateway::http
