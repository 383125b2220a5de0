// From the values of the Authorization header (or `authorization` metadata key) to the text of a bearer token.
#pragma once

#include <string_view>

#include "absl/types/span.h"

namespace stratus::auth {

struct Extraction {
  enum class Kind {
    kToken,      // `token` is what stands after `Bearer `, not looked into yet and not empty
    kNone,       // no value, another scheme, or nothing after the scheme
    kMalformed,  // several values, or several folded into one by a comma (RFC 6750 section 3.1, invalid_request)
  };
  Kind kind = Kind::kNone;
  std::string_view token;   // a view into the values
  const char* reason = "";  // for the log
};

// The scheme's name is case-insensitive and parted from the token by one or more spaces (RFC 9110 section 11.4).
Extraction ExtractBearer(absl::Span<const std::string_view> authorization);

}  // namespace stratus::auth
