// The directives of Cache-Control (RFC 9111, 5.2; RFC 5861) that the gateway looks at.
#pragma once

#include <cstdint>
#include <string_view>

namespace stratus::gateway::proxy {

struct CacheControl {
  bool no_store = false;
  bool no_cache = false;
  bool is_private = false;
  int64_t fresh_s = -1;  // s-maxage, else max-age; -1: not told
  int64_t stale_while_revalidate_s = 0;
};

// Unknown directives are passed over; a number that is none counts as 0: stale at once.
CacheControl ParseCacheControl(std::string_view value);

}  // namespace stratus::gateway::proxy
