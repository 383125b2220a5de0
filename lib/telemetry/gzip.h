// Compression of what is sent.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stratus::telemetry {

// `text` in gzip's format (RFC 1952). Nothing where there is no memory for it.
std::optional<std::string> Gzip(std::string_view text);

}  // namespace stratus::telemetry
