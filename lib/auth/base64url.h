// base64url without padding (RFC 4648 section 5, as RFC 7515 uses it).
#pragma once

#include <string>
#include <string_view>

namespace stratus::auth {

// Replaces `out` by the bytes. False, with `out` unspecified, unless `text` is the one canonical encoding of some
// bytes: no padding, no whitespace, no other alphabet, and no bits set beyond the last byte. A token with several
// spellings would have several cache entries and could slip past a list of revoked ones.
bool DecodeBase64Url(std::string_view text, std::string* out);

std::string EncodeBase64Url(std::string_view bytes);

}  // namespace stratus::auth
