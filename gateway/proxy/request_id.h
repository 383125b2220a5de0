// The id that a request has in every log, here and in the services.
#pragma once

#include <string>

#include "absl/random/random.h"
#include "gateway/http/exchange.h"

namespace stratus::gateway::proxy {

// The client's x-request-id where that is 1..128 printable characters, else a new one of 32 hex digits; in `out`, which
// keeps its memory.
void SetRequestId(const http::RequestHead& head, absl::InsecureBitGen& random, std::string* out);

}  // namespace stratus::gateway::proxy
