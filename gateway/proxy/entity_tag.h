// Validators of what a GET gives (RFC 9110, 8.8.3 and 13.1.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/http/exchange.h"

namespace stratus::gateway::proxy {

// 64 bits that tell one sequence of bytes from another, the same on every machine and in every run; under a
// nanosecond for 16 bytes. Not for bytes that someone may choose so that they collide.
uint64_t Fingerprint(std::string_view bytes, uint64_t seed);

inline constexpr size_t kEntityTagSize = 20;
// Writes `W/"0123456789abcdef"` to kEntityTagSize bytes. Weak: the same JSON may go out coded or not.
std::string_view WriteEntityTag(uint64_t fingerprint, char* out);

// Whether the request's If-None-Match, if any, names `tag` or `*`, by weak comparison: the answer is then 304.
bool IsNotModified(const http::RequestHead& head, std::string_view tag);

}  // namespace stratus::gateway::proxy
