// Percent-encoding in a query string.
#pragma once

#include <string>
#include <string_view>

namespace stratus::gateway::transcode {

// Decodes `%XX`, and `+` to a space, as HTML forms write queries. False on a `%` without two hexadecimal digits.
bool DecodeQueryText(std::string_view text, std::string* decoded);

}  // namespace stratus::gateway::transcode
