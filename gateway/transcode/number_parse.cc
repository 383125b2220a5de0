#include "gateway/transcode/number_parse.h"

#include <fast_float/fast_float.h>

#include <algorithm>
#include <cmath>

namespace stratus::gateway::transcode {
namespace {

bool IsDigit(char c) { return static_cast<uint8_t>(c - '0') <= 9; }

template <typename Number>
NumberError Parse(std::string_view number, Number* value) {
  const auto result = fast_float::from_chars(number.data(), number.data() + number.size(), *value);
  if (result.ec != std::errc() && result.ec != std::errc::result_out_of_range) return NumberError::kNotANumber;
  if (result.ptr != number.data() + number.size()) return NumberError::kNotANumber;
  // What is too small rounds to zero, as everywhere; what is too large has no nearest value.
  return std::isinf(*value) ? NumberError::kOutOfRange : NumberError::kNone;
}

}  // namespace

const char* ScanNumber(const char* p, const char* end) {
  const auto digits = [&p, end] {
    const char* const start = p;
    while (p < end && IsDigit(*p)) ++p;
    return p > start;
  };
  if (p < end && *p == '-') ++p;
  if (p < end && *p == '0') {
    ++p;
  } else if (!digits()) {
    return nullptr;
  }
  if (p < end && *p == '.') {
    ++p;
    if (!digits()) return nullptr;
  }
  if (p < end && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p < end && (*p == '+' || *p == '-')) ++p;
    if (!digits()) return nullptr;
  }
  return p;
}

NumberError ParseWhole(std::string_view number, bool* negative, uint64_t* magnitude) {
  const char* p = number.data();
  const char* const end = p + number.size();
  if (ScanNumber(p, end) != end || number.empty()) return NumberError::kNotANumber;
  *negative = *p == '-';
  p += *negative;
  const char* const whole = p;
  while (p < end && IsDigit(*p)) ++p;
  const std::string_view whole_digits(whole, static_cast<size_t>(p - whole));
  std::string_view fraction_digits;
  if (p < end && *p == '.') {
    const char* const fraction = ++p;
    while (p < end && IsDigit(*p)) ++p;
    fraction_digits = {fraction, static_cast<size_t>(p - fraction)};
  }
  int64_t exponent = 0;
  if (p < end) {
    ++p;
    const bool minus = *p == '-';
    if (minus || *p == '+') ++p;
    // Beyond this any non-zero digit is out of range or not whole, and the text's own length is far less.
    constexpr int64_t kExponentMax = 1'000'000'000;
    for (; p < end; ++p) exponent = std::min(exponent * 10 + (*p - '0'), kExponentMax);
    if (minus) exponent = -exponent;
  }
  // The digits as one number, and where its decimal point lies.
  const auto digit_at = [&](size_t i) {
    return i < whole_digits.size() ? whole_digits[i] - '0' : fraction_digits[i - whole_digits.size()] - '0';
  };
  const size_t digit_count = whole_digits.size() + fraction_digits.size();
  const int64_t point = static_cast<int64_t>(whole_digits.size()) + exponent;
  *magnitude = 0;
  for (size_t i = 0; i < digit_count; ++i) {
    const auto digit = static_cast<uint64_t>(digit_at(i));
    if (static_cast<int64_t>(i) >= point) {
      if (digit != 0) return NumberError::kNotAnInteger;
      continue;
    }
    if (__builtin_mul_overflow(*magnitude, 10, magnitude) || __builtin_add_overflow(*magnitude, digit, magnitude)) {
      return NumberError::kOutOfRange;
    }
  }
  for (auto i = static_cast<int64_t>(digit_count); i < point && *magnitude != 0; ++i) {
    if (__builtin_mul_overflow(*magnitude, 10, magnitude)) return NumberError::kOutOfRange;
  }
  return NumberError::kNone;
}

NumberError ParseDouble(std::string_view number, double* value) { return Parse(number, value); }
NumberError ParseFloat(std::string_view number, float* value) { return Parse(number, value); }

}  // namespace stratus::gateway::transcode
