// The authority of a request: Host, `:authority`, and that of an absolute target.
#pragma once

#include <string_view>

namespace stratus::gateway::http {

// Whether `text` is uri-host and perhaps a port (RFC 3986, 3.2.2 and 3.2.3), without the userinfo that HTTP forbids. An
// empty one is: a request may have no authority.
bool IsAuthority(std::string_view text);

}  // namespace stratus::gateway::http
