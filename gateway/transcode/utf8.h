// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing beyond U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace stratus::gateway::transcode {

// The length of the well-formed sequence of two to four bytes at `p`, or 0.
inline int Utf8SequenceSize(const char* p, const char* end) {
  const auto at = [p](int i) { return static_cast<uint8_t>(p[i]); };
  const auto continues = [&at](int i) { return (at(i) & 0xc0) == 0x80; };
  const size_t left = static_cast<size_t>(end - p);
  const uint8_t lead = at(0);
  if (lead < 0xe0) return lead >= 0xc2 && left >= 2 && continues(1) ? 2 : 0;
  if (lead < 0xf0) {
    if (left < 3 || !continues(1) || !continues(2)) return 0;
    if (lead == 0xe0 && at(1) < 0xa0) return 0;
    if (lead == 0xed && at(1) > 0x9f) return 0;
    return 3;
  }
  if (lead > 0xf4 || left < 4 || !continues(1) || !continues(2) || !continues(3)) return 0;
  if (lead == 0xf0 && at(1) < 0x90) return 0;
  if (lead == 0xf4 && at(1) > 0x8f) return 0;
  return 4;
}

bool ValidUtf8(std::string_view text);

// At most four bytes; returns the end.
inline char* WriteUtf8(char* out, uint32_t code_point) {
  if (code_point < 0x80) {
    *out++ = static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    *out++ = static_cast<char>(0xc0 | code_point >> 6);
    *out++ = static_cast<char>(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x10000) {
    *out++ = static_cast<char>(0xe0 | code_point >> 12);
    *out++ = static_cast<char>(0x80 | (code_point >> 6 & 0x3f));
    *out++ = static_cast<char>(0x80 | (code_point & 0x3f));
  } else {
    *out++ = static_cast<char>(0xf0 | code_point >> 18);
    *out++ = static_cast<char>(0x80 | (code_point >> 12 & 0x3f));
    *out++ = static_cast<char>(0x80 | (code_point >> 6 & 0x3f));
    *out++ = static_cast<char>(0x80 | (code_point & 0x3f));
  }
  return out;
}

}  // namespace stratus::gateway::transcode
