// The JSON scanner below WireWriter: strings, escapes, literals, values to skip.
#include <emmintrin.h>

#include "gateway/transcode/json_text.h"
#include "gateway/transcode/number_parse.h"
#include "gateway/transcode/utf8.h"
#include "gateway/transcode/wire_writer.h"

namespace stratus::gateway::transcode {
namespace {

constexpr size_t kBlock = 16;

uint32_t SpecialBytesAt(const char* p) { return SpecialBytes(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }

// Four hexadecimal digits, or -1.
int32_t ParseHex4(const char* p) {
  int32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = p[i];
    const char lower = static_cast<char>(c | 0x20);
    int digit;
    if (c >= '0' && c <= '9') {
      digit = c - '0';
    } else if (lower >= 'a' && lower <= 'f') {
      digit = lower - 'a' + 10;
    } else {
      return -1;
    }
    value = value * 16 + digit;
  }
  return value;
}

char SimpleEscape(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/': return c;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return 0;
  }
}

}  // namespace

const char* WireWriter::SkipSpaces(const char* p) {
  while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t') ++p;
  return p;
}

const char* WireWriter::FindQuote(const char* p, bool* escaped) {
  if (end_ - p >= static_cast<ptrdiff_t>(kBlock)) [[likely]] {
    const uint32_t special = SpecialBytesAt(p);
    if (special != 0) [[likely]] {
      const char* const at = p + __builtin_ctz(special);
      if (*at == '"') [[likely]] {
        return at;
      }
    }
  }
  return FindQuoteAfter(p, escaped);
}

const char* WireWriter::FindQuoteAfter(const char* p, bool* escaped) {
  while (p < end_) {
    if (end_ - p >= static_cast<ptrdiff_t>(kBlock)) {
      const uint32_t special = SpecialBytesAt(p);
      if (special == 0) {
        p += kBlock;
        continue;
      }
      p += __builtin_ctz(special);
    }
    const auto c = static_cast<uint8_t>(*p);
    if (c == '"') return p;
    if (c == '\\') {
      *escaped = true;
      p += 2;
    } else if (c >= 0x80) {
      const int size = Utf8SequenceSize(p, end_);
      if (size == 0) return Syntax(p, "a string is not UTF-8");
      p += size;
    } else if (c < 0x20) {
      return Syntax(p, "a control character in a string must be escaped");
    } else {
      ++p;
    }
  }
  return Syntax(json_end_, "a string does not end");
}

char* WireWriter::Unescape(const char* p, const char* end, char* out) {
  while (p < end) {
    if (*p != '\\') {
      *out++ = *p++;
      continue;
    }
    if (p[1] != 'u') {
      const char c = SimpleEscape(p[1]);
      if (c == 0) return Syntax(p, "no such escape");
      *out++ = c;
      p += 2;
      continue;
    }
    const int32_t unit = end - p >= 6 ? ParseHex4(p + 2) : -1;
    if (unit < 0) return Syntax(p, "\\u needs four hexadecimal digits");
    const char* const escape = p;
    p += 6;
    auto code_point = static_cast<uint32_t>(unit);
    if (unit >= 0xd800 && unit <= 0xdfff) {
      const int32_t low = end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? ParseHex4(p + 2) : -1;
      if (unit >= 0xdc00 || low < 0xdc00 || low > 0xdfff) return Syntax(escape, "a surrogate without its pair");
      code_point = 0x10000 + (static_cast<uint32_t>(unit - 0xd800) << 10) + static_cast<uint32_t>(low - 0xdc00);
      p += 6;
    }
    out = WriteUtf8(out, code_point);
  }
  return out;
}

const char* WireWriter::Text(const char* p, std::string_view* text) {
  bool escaped = false;
  const char* const quote = FindQuote(p, &escaped);
  if (quote == nullptr) [[unlikely]] {
    return nullptr;
  }
  *text = {p, static_cast<size_t>(quote - p)};
  if (escaped) [[unlikely]] {
    scratch_.resize(text->size());
    const char* const end = Unescape(p, quote, scratch_.data());
    if (end == nullptr) return nullptr;
    *text = {scratch_.data(), static_cast<size_t>(end - scratch_.data())};
  }
  return quote + 1;
}

const char* WireWriter::Literal(const char* p, std::string_view word) {
  if (static_cast<size_t>(end_ - p) < word.size() || std::memcmp(p, word.data(), word.size()) != 0) [[unlikely]] {
    return Syntax(p, "a value is expected");
  }
  return p + word.size();
}

const char* WireWriter::Colon(const char* p) {
  if (*p != ':') [[unlikely]] {
    p = SkipSpace(p);
    if (*p != ':') return Syntax(p, "a colon is expected");
  }
  return SkipSpace(p + 1);
}

const char* WireWriter::NextMember(const char* p, char close) {
  if (p >= end_) [[unlikely]] {
    return Syntax(json_end_, "the text ends too early");
  }
  p = SkipSpace(p);
  if (*p == ',') {
    p = SkipSpace(p + 1);
    return *p != close ? p : Syntax(p, "a comma without a value behind it");
  }
  return *p == close ? p : Syntax(p, "a comma or the closing bracket is expected");
}

const char* WireWriter::Skip(const char* p, int depth) {
  switch (*p) {
    case '{':
    case '[': return SkipContainer(p, depth);
    case '"': {
      std::string_view text;
      return Text(p + 1, &text);
    }
    case 't': return Literal(p, "true");
    case 'f': return Literal(p, "false");
    case 'n': return Literal(p, "null");
    default: {
      const char* const end = ScanNumber(p, end_);
      return end != nullptr ? end : Syntax(p, "a value is expected");
    }
  }
}

const char* WireWriter::SkipContainer(const char* p, int depth) {
  if (depth <= 0) return Fail("nested too deeply");
  const bool object = *p == '{';
  const char close = object ? '}' : ']';
  p = SkipSpace(p + 1);
  if (*p == close) return p + 1;
  for (;;) {
    if (object) {
      std::string_view name;
      if (*p != '"') return Syntax(p, "a name in quotes is expected");
      p = Text(p + 1, &name);
      if (p != nullptr) p = Colon(p);
      if (p == nullptr) return nullptr;
    }
    p = Skip(p, depth - 1);
    if (p == nullptr) return nullptr;
    p = NextMember(p, close);
    if (p == nullptr) return nullptr;
    if (*p == close) return p + 1;
  }
}

}  // namespace stratus::gateway::transcode
