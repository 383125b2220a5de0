// The request target of RFC 9112, taken apart: what the path and the query mean once decoded.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace stratus::http_server {

// Decodes %XX; `+` becomes a space only where the text is form-encoded (queries, form bodies). Nothing when a `%` is
// not followed by two hex digits, or the result would hold a NUL.
std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space);

// Splits origin-form (`/a?b`) or absolute-form (`http://h/a?b`) into the path as sent (at least `/`) and the query
// without its `?`.
std::pair<std::string_view, std::string_view> SplitTarget(std::string_view target);

// The decoded value of the first `name` in a query or form body; nothing when it is absent or badly encoded.
std::optional<std::string> FindFormValue(std::string_view form, std::string_view name);

}  // namespace stratus::http_server
