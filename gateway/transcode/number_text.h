// Numbers to JSON text. Each writer needs kNumberSizeMax bytes of room and returns the end of what it wrote; it may
// scribble up to kNumberSizeMax bytes.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace stratus::gateway::transcode {

inline constexpr size_t kNumberSizeMax = 40;

namespace number_text_internal {

struct Digits2 {
  char text[200];
};
constexpr Digits2 MakeDigits2() {
  Digits2 table{};
  for (int i = 0; i < 100; ++i) {
    table.text[2 * i] = static_cast<char>('0' + i / 10);
    table.text[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return table;
}
inline constexpr Digits2 kDigits2 = MakeDigits2();

// 0..999 without leading zeros; the fourth byte is the length.
struct Small {
  char text[4];
};
constexpr std::array<Small, 1000> MakeSmall() {
  std::array<Small, 1000> table{};
  for (int i = 0; i < 1000; ++i) {
    char* t = table[static_cast<size_t>(i)].text;
    int n = 0;
    if (i >= 100) t[n++] = static_cast<char>('0' + i / 100);
    if (i >= 10) t[n++] = static_cast<char>('0' + i / 10 % 10);
    t[n++] = static_cast<char>('0' + i % 10);
    t[3] = static_cast<char>(n);
  }
  return table;
}
inline constexpr std::array<Small, 1000> kSmall = MakeSmall();

// `.25` for 25, `.5` for 50, nothing for 0; the fourth byte is the length.
constexpr std::array<Small, 100> MakeHundredths() {
  std::array<Small, 100> table{};
  for (int i = 0; i < 100; ++i) {
    char* t = table[static_cast<size_t>(i)].text;
    t[0] = '.';
    t[1] = static_cast<char>('0' + i / 10);
    t[2] = static_cast<char>('0' + i % 10);
    t[3] = static_cast<char>(i == 0 ? 0 : i % 10 == 0 ? 2 : 3);
  }
  return table;
}
inline constexpr std::array<Small, 100> kHundredths = MakeHundredths();

char* WriteLongUint(char* out, uint64_t value);
char* WriteLongDouble(char* out, double value);
char* WriteLongFloat(char* out, float value);

}  // namespace number_text_internal

inline char* WriteDigits2(char* out, uint32_t value) {
  std::memcpy(out, number_text_internal::kDigits2.text + 2 * value, 2);
  return out + 2;
}

inline char* WriteUint(char* out, uint64_t value) {
  if (value < 1000) [[likely]] {
    const auto& small = number_text_internal::kSmall[value];
    std::memcpy(out, small.text, 4);
    return out + small.text[3];
  }
  if (value < 10'000) {
    const auto digits = static_cast<uint32_t>(value);
    return WriteDigits2(WriteDigits2(out, digits / 100), digits % 100);
  }
  return number_text_internal::WriteLongUint(out, value);
}

inline char* WriteInt(char* out, int64_t value) {
  *out = '-';
  const bool negative = value < 0;
  return WriteUint(out + negative, negative ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value));
}

// The shortest decimal that reads back as the same value; NaN and infinities as their quoted ProtoJSON names. Most
// values in practice are decimals of few digits: k / 10^2 is tried first. The division is exact to the last bit because
// both operands are (k < 2^53), so equality proves that the text reads back the same, and with at most 15 digits it is
// the shortest.
inline char* WriteDouble(char* out, double value) {
  const auto bits = std::bit_cast<uint64_t>(value);
  const double magnitude = std::bit_cast<double>(bits & ~(uint64_t{1} << 63));
  if (magnitude < 1e5) [[likely]] {
    const auto hundredfold = static_cast<uint32_t>(magnitude * 100 + 0.5);
    if (hundredfold / 100.0 == magnitude) [[likely]] {
      const uint32_t whole = hundredfold / 100;
      *out = '-';
      out = WriteUint(out + (bits >> 63), whole);
      const auto& hundredths = number_text_internal::kHundredths[hundredfold - whole * 100];
      std::memcpy(out, hundredths.text, 4);
      return out + hundredths.text[3];
    }
  }
  return number_text_internal::WriteLongDouble(out, value);
}

// As WriteDouble, with the digits that a float needs.
inline char* WriteFloat(char* out, float value) { return number_text_internal::WriteLongFloat(out, value); }

}  // namespace stratus::gateway::transcode
