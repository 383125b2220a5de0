#include "gateway/transcode/base64.h"

#include <array>
#include <cstdint>
#include <cstring>

namespace stratus::gateway::transcode {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t kBad = 0x80;

// Twelve bits to two characters.
constexpr std::array<char, 8192> MakePairs() {
  std::array<char, 8192> pairs{};
  for (size_t i = 0; i < 4096; ++i) {
    pairs[2 * i] = kAlphabet[i >> 6];
    pairs[2 * i + 1] = kAlphabet[i & 63];
  }
  return pairs;
}
constexpr std::array<char, 8192> kPairs = MakePairs();

constexpr std::array<uint8_t, 256> MakeValues() {
  std::array<uint8_t, 256> values{};
  values.fill(kBad);
  for (uint8_t i = 0; i < 64; ++i) values[static_cast<uint8_t>(kAlphabet[i])] = i;
  values['-'] = 62;
  values['_'] = 63;
  return values;
}
constexpr std::array<uint8_t, 256> kValues = MakeValues();

}  // namespace

char* WriteBase64(char* out, std::string_view bytes) {
  const char* p = bytes.data();
  size_t left = bytes.size();
  const auto byte = [&p](int i) { return static_cast<uint32_t>(static_cast<uint8_t>(p[i])); };
  for (; left >= 3; left -= 3, p += 3, out += 4) {
    const uint32_t bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    std::memcpy(out, &kPairs[2 * (bits >> 12)], 2);
    std::memcpy(out + 2, &kPairs[2 * (bits & 0xfff)], 2);
  }
  if (left == 0) return out;
  const uint32_t bits = byte(0) << 16 | (left == 2 ? byte(1) << 8 : 0);
  out[0] = kAlphabet[bits >> 18];
  out[1] = kAlphabet[bits >> 12 & 63];
  out[2] = left == 2 ? kAlphabet[bits >> 6 & 63] : '=';
  out[3] = '=';
  return out + 4;
}

char* ReadBase64(char* out, std::string_view text) {
  if (text.ends_with('=')) {
    if (text.size() % 4 != 0) return nullptr;
    text.remove_suffix(text[text.size() - 2] == '=' ? 2 : 1);
  }
  if (text.size() % 4 == 1) return nullptr;
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  size_t left = text.size();
  uint32_t bad = 0;
  for (; left >= 4; left -= 4, p += 4, out += 3) {
    const uint32_t a = kValues[p[0]], b = kValues[p[1]], c = kValues[p[2]], d = kValues[p[3]];
    bad |= a | b | c | d;
    const uint32_t bits = a << 18 | b << 12 | c << 6 | d;
    out[0] = static_cast<char>(bits >> 16);
    out[1] = static_cast<char>(bits >> 8);
    out[2] = static_cast<char>(bits);
  }
  if (left >= 2) {
    const uint32_t a = kValues[p[0]], b = kValues[p[1]], c = left == 3 ? kValues[p[2]] : 0u;
    bad |= a | b | c;
    *out++ = static_cast<char>(a << 2 | b >> 4);
    if (left == 3) *out++ = static_cast<char>(b << 4 | c >> 2);
  }
  return (bad & kBad) != 0 ? nullptr : out;
}

}  // namespace stratus::gateway::transcode
