// Strings to JSON text: escaping and UTF-8 validation in one pass, sixteen bytes at a time.
#pragma once

#include <emmintrin.h>

#include <cstdint>
#include <cstring>
#include <string_view>

namespace stratus::gateway::transcode {

// Bits for the bytes of a block that cannot be copied as they are: control characters, `"`, `\` and all that is not
// ASCII. SSE2 is part of every x86-64.
inline uint32_t SpecialBytes(__m128i block) {
  const __m128i quote = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
  const __m128i backslash = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));
  // Signed comparison: bytes from 0x80 count as negative.
  const __m128i control = _mm_cmplt_epi8(block, _mm_set1_epi8(0x20));
  return static_cast<uint32_t>(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control)));
}

// What one byte or UTF-8 sequence may grow to.
inline constexpr size_t kEscapedSizeMax = 6;

// Escapes `size` bytes at `p` to `out`, which has room for size * kEscapedSizeMax + 16. Blocks may be read up to
// `readable_end`, past the text. Null when the text is not UTF-8.
char* EscapeSpecial(char* out, const char* p, const char* end, const char* readable_end);

inline char* EscapeText(char* out, const char* p, size_t size, const char* readable_end) {
  if (size <= 16 && readable_end - p >= 16) [[likely]] {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), block);
    if ((SpecialBytes(block) & ((uint32_t{1} << size) - 1)) == 0) [[likely]] {
      return out + size;
    }
  }
  return EscapeSpecial(out, p, p + size, readable_end);
}

}  // namespace stratus::gateway::transcode
