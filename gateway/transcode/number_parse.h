// JSON number text to numbers, exactly.
#pragma once

#include <cstdint>
#include <string_view>

namespace stratus::gateway::transcode {

enum class NumberError { kNone, kNotANumber, kNotAnInteger, kOutOfRange };

// The end of the JSON number that `p` starts with, or null when there is none there. Reads no further than `end`.
const char* ScanNumber(const char* p, const char* end);

// The value of a JSON number that is a whole number, however it is spelled: `1000`, `1e3`, `1.0`, `-0`.
NumberError ParseWhole(std::string_view number, bool* negative, uint64_t* magnitude);

// Correctly rounded; a finite text beyond the type's range is kOutOfRange. The text must be a JSON number.
NumberError ParseDouble(std::string_view number, double* value);
NumberError ParseFloat(std::string_view number, float* value);

// Doubles of few digits, which most are: parses a JSON number that starts at `p` when 15 digits and a power of ten that
// a double holds suffice (one correctly rounded operation then gives the nearest double). Null otherwise. `p` must lie
// in text that goes on until a byte that no number holds.
inline const char* ParseShortDouble(const char* p, double* value) {
  constexpr double kPowers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  const bool negative = *p == '-';
  p += negative;
  const char* const first = p;
  uint64_t digits = 0;
  while (static_cast<uint8_t>(*p - '0') <= 9) digits = digits * 10 + static_cast<uint8_t>(*p++ - '0');
  const auto whole_digits = p - first;
  if (whole_digits == 0 || (*first == '0' && whole_digits > 1)) return nullptr;
  auto digit_count = whole_digits;
  decltype(digit_count) fraction_digits = 0;
  if (*p == '.') {
    const char* const fraction = ++p;
    while (static_cast<uint8_t>(*p - '0') <= 9) digits = digits * 10 + static_cast<uint8_t>(*p++ - '0');
    fraction_digits = p - fraction;
    if (fraction_digits == 0) return nullptr;
    digit_count += fraction_digits;
  }
  if (digit_count > 15 || (*p | 0x20) == 'e') return nullptr;
  const double magnitude = static_cast<double>(digits) / kPowers[fraction_digits];
  *value = negative ? -magnitude : magnitude;
  return p;
}

}  // namespace stratus::gateway::transcode
