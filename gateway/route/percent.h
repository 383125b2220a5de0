// Percent-encoding of URL paths (RFC 3986, section 2.1).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace stratus::gateway::route {

// Which escapes stay as they are.
enum class Keep {
  kNothing,
  kSlash,  // %2F and %2f, so that an encoded slash can be told from a separator
};

// Appends the decoded text; false (and an unspecified tail on `out`) when an escape is malformed. `+` is no space here.
bool AppendPercentDecoded(std::string_view text, Keep keep, std::string* out);

// Decodes into `buffer`. Nothing when an escape is malformed or the result is longer than `size`. Text without an
// escape is returned as it is, whatever its length.
std::optional<std::string_view> PercentDecodeTo(std::string_view text, char* buffer, size_t size);

}  // namespace stratus::gateway::route
