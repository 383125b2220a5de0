#include "gateway/transcode/json_text.h"

#include "gateway/transcode/utf8.h"

namespace stratus::gateway::transcode {
namespace {

char* WriteEscape(char* out, uint8_t c) {
  constexpr char kHex[] = "0123456789abcdef";
  *out++ = '\\';
  switch (c) {
    case '"': *out++ = '"'; return out;
    case '\\': *out++ = '\\'; return out;
    case '\b': *out++ = 'b'; return out;
    case '\f': *out++ = 'f'; return out;
    case '\n': *out++ = 'n'; return out;
    case '\r': *out++ = 'r'; return out;
    case '\t': *out++ = 't'; return out;
    default:
      std::memcpy(out, "u00", 3);
      out[3] = kHex[c >> 4];
      out[4] = kHex[c & 15];
      return out + 5;
  }
}

}  // namespace

char* EscapeSpecial(char* out, const char* p, const char* end, const char* readable_end) {
  while (p < end) {
    __m128i block;
    const size_t left = static_cast<size_t>(end - p);
    if (readable_end - p >= 16) [[likely]] {
      block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    } else {
      char tail[16] = {};
      std::memcpy(tail, p, left < 16 ? left : 16);
      block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(tail));
    }
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), block);
    const uint32_t special = SpecialBytes(block);
    const size_t plain = special == 0 ? 16 : static_cast<size_t>(__builtin_ctz(special));
    if (plain >= left) return out + left;
    p += plain;
    out += plain;
    // Neighbours of a special byte are often special too (text in other scripts): stay here while they are.
    while (p < end) {
      const auto c = static_cast<uint8_t>(*p);
      if (c >= 0x80) {
        const int size = Utf8SequenceSize(p, end);
        if (size == 0) return nullptr;
        for (int i = 0; i < size; ++i) *out++ = *p++;
      } else if (c < 0x20 || c == '"' || c == '\\') {
        out = WriteEscape(out, c);
        ++p;
      } else {
        break;
      }
    }
  }
  return out;
}

}  // namespace stratus::gateway::transcode
