#include "lib/auth/extractor.h"

#include "absl/strings/match.h"
#include "lib/core/status.h"

namespace stratus::auth {

Extraction ExtractBearer(absl::Span<const std::string_view> authorization) {
  using Kind = Extraction::Kind;
  if (authorization.empty()) return {Kind::kNone, {}, "no Authorization value"};
  if (authorization.size() > 1) return {Kind::kMalformed, {}, "several Authorization values"};
  const std::string_view value = authorization[0];
  const size_t space = value.find(' ');
  if (!absl::EqualsIgnoreCase(core::ToAbsl(value.substr(0, space)), "Bearer")) {
    return {Kind::kNone, {}, "not the Bearer scheme"};
  }
  const size_t start = value.find_first_not_of(' ', space);
  if (space == std::string_view::npos || start == std::string_view::npos) {
    return {Kind::kNone, {}, "nothing after the Bearer scheme"};
  }
  const std::string_view token = value.substr(start);
  // A proxy may fold repeated headers into one value; no bearer token holds a comma (RFC 6750 section 2.1).
  if (token.find(',') != std::string_view::npos) return {Kind::kMalformed, {}, "several Authorization values in one"};
  return {Kind::kToken, token, ""};
}

}  // namespace stratus::auth
