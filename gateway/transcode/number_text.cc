#include "gateway/transcode/number_text.h"

#include <bit>
#include <charconv>
#include <string_view>

namespace stratus::gateway::transcode::number_text_internal {
namespace {

char* WriteText(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

// Below 10^8, all eight digits.
void WriteEightDigits(char* out, uint32_t value) {
  const uint32_t high = value / 10'000;
  const uint32_t low = value % 10'000;
  WriteDigits2(out, high / 100);
  WriteDigits2(out + 2, high % 100);
  WriteDigits2(out + 4, low / 100);
  WriteDigits2(out + 6, low % 100);
}

constexpr uint64_t kEightZeros = 0x3030303030303030u;

char* WriteUpToEightDigits(char* out, uint32_t value) {
  char digits[8];
  WriteEightDigits(digits, value);
  uint64_t text;
  std::memcpy(&text, digits, 8);
  // The bytes of leading zeros, but never the last digit.
  const int zeros = std::countr_zero((text ^ kEightZeros) | uint64_t{1} << 56) & ~7;
  text >>= zeros;
  std::memcpy(out, &text, 8);
  return out + (8 - zeros / 8);
}

// `scaled` / 10^digits, where 0 < digits <= 8, without trailing zeros.
char* WriteDecimal(char* out, uint64_t scaled, uint64_t power, int digits) {
  const uint64_t whole = scaled / power;
  auto fraction = static_cast<uint32_t>(scaled % power);
  out = WriteUint(out, whole);
  if (fraction == 0) return out;
  char text[8];
  for (int i = digits; i < 8; ++i) fraction *= 10;
  WriteEightDigits(text, fraction);
  uint64_t word;
  std::memcpy(&word, text, 8);
  const int size = 8 - std::countl_zero(word ^ kEightZeros) / 8;  // without trailing zeros
  *out++ = '.';
  std::memcpy(out, text, 8);
  return out + size;
}

template <typename Number>
char* WriteShortest(char* out, Number value) {
  if (value != value) return WriteText(out, "\"NaN\"");
  if (std::isinf(value)) return WriteText(out, value < 0 ? "\"-Infinity\"" : "\"Infinity\"");
  return std::to_chars(out, out + kNumberSizeMax, value).ptr;
}

}  // namespace

char* WriteLongUint(char* out, uint64_t value) {
  constexpr uint64_t kEight = 100'000'000;
  if (value < kEight) return WriteUpToEightDigits(out, static_cast<uint32_t>(value));
  const uint64_t high = value / kEight;
  out = WriteLongUint(out, high);
  WriteEightDigits(out, static_cast<uint32_t>(value % kEight));
  return out + 8;
}

char* WriteLongDouble(char* out, double value) {
  const double magnitude = std::fabs(value);
  // Below 10^9, a decimal of six places has at most 15 digits. Tiny values are left to the general way, which may
  // prefer an exponent.
  if (magnitude < 1e9 && magnitude >= 1e-3) {
    const auto scaled = static_cast<uint64_t>(magnitude * 1e6 + 0.5);
    if (static_cast<double>(scaled) / 1e6 == magnitude) {
      *out = '-';
      return WriteDecimal(out + std::signbit(value), scaled, 1'000'000, 6);
    }
  }
  return WriteShortest(out, value);
}

char* WriteLongFloat(char* out, float value) {
  const float magnitude = std::fabs(value);
  // k < 2^23 and a power of ten that a float holds exactly: one correctly rounded float division decides.
  constexpr float kExactMax = 8388608.0f;
  if (magnitude * 1e3f < kExactMax && (magnitude >= 1e-3f || magnitude == 0)) {
    const auto scaled = static_cast<uint32_t>(static_cast<double>(magnitude) * 1e3 + 0.5);
    if (static_cast<float>(scaled) / 1e3f == magnitude) {
      *out = '-';
      return WriteDecimal(out + std::signbit(value), scaled, 1'000, 3);
    }
  }
  return WriteShortest(out, value);
}

}  // namespace stratus::gateway::transcode::number_text_internal
