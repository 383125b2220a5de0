// The directives of Cache-Control (RFC 9111, 5.2; RFC 5861) that the gateway looks at.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "gateway/http/exchange.h"

namespace stratus::gateway::proxy {

// Of a reply. Unknown directives are passed over; a number that is none counts as 0: stale at once.
struct CacheControl {
  bool no_store = false;
  bool no_cache = false;
  bool is_private = false;
  bool must_revalidate = false;  // or proxy-revalidate
  int64_t fresh_s = -1;          // s-maxage, else max-age; -1: not told
  int64_t stale_while_revalidate_s = 0;
  int64_t stale_if_error_s = 0;
};
CacheControl ParseCacheControl(std::string_view value);

// Of a request: what the client takes. max-stale is passed over: what is stale is given where the service allows it.
struct RequestCacheControl {
  static constexpr int64_t kAnyAge = std::numeric_limits<int64_t>::max();

  bool no_store = false;
  bool no_cache = false;  // or max-age=0
  bool only_if_cached = false;
  int64_t age_s_max = kAnyAge;  // max-age
  int64_t fresh_s_min = 0;      // min-fresh

  // Whether only what is fresh will do (RFC 9111, 5.2.1.1 and 5.2.1.3).
  bool refuses_stale() const { return age_s_max != kAnyAge || fresh_s_min > 0; }
};
// Of all its Cache-Control lines. An age that is no number counts as 0.
RequestCacheControl ParseRequestCacheControl(const http::RequestHead& head);

}  // namespace stratus::gateway::proxy
