// Base64 as ProtoJSON uses it: written in the standard alphabet with padding, read in both alphabets with or without.
#pragma once

#include <cstddef>
#include <string_view>

namespace stratus::gateway::transcode {

inline constexpr size_t Base64Size(size_t bytes) { return (bytes + 2) / 3 * 4; }

// Writes Base64Size(bytes.size()) characters; returns the end.
char* WriteBase64(char* out, std::string_view bytes);

// Needs text.size() / 4 * 3 + 3 bytes of room. Null when `text` is not base64.
char* ReadBase64(char* out, std::string_view text);

}  // namespace stratus::gateway::transcode
