// A net under the logs, for text that someone else wrote: a message of an upstream, a path or an id that a caller made
// up. Our own code never logs a credential in the first place; this is for what slips in with an error.
//
//   core::AppendRedacted("GET https://api.example.com/?appid=0123 failed", &line);
//   -> GET https://api.example.com/?appid=[redacted] failed
//
// Cut out: JSON web tokens, what follows `Bearer` or `Basic`, values of parameters whose name says secret (`token=`,
// `appid=`, `X-Amz-Signature=`, ...), passwords in URLs, tokens with a known prefix (`dop_v1_`, `AKIA`, ...).
#pragma once

#include <string>
#include <string_view>

namespace stratus::core {

void AppendRedacted(std::string_view text, std::string* out);
std::string Redacted(std::string_view text);

// Whether AppendRedacted would cut something out. Allocates nothing.
bool HoldsSecret(std::string_view text);

}  // namespace stratus::core
