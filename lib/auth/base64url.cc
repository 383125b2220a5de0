#include "lib/auth/base64url.h"

#include <array>
#include <cstdint>

namespace stratus::auth {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr uint32_t kInvalid = 0xFFFFFFFF;

constexpr std::array<uint32_t, 256> MakeValues() {
  std::array<uint32_t, 256> values{};
  values.fill(kInvalid);
  for (uint32_t i = 0; i < kAlphabet.size(); ++i) values[static_cast<uint8_t>(kAlphabet[i])] = i;
  return values;
}

constexpr std::array<uint32_t, 256> kValues = MakeValues();

uint32_t ValueOf(char c) { return kValues[static_cast<uint8_t>(c)]; }

// The last two or three characters carry one or two bytes; the bits left over have to be zero.
bool DecodeTail(std::string_view tail, char* out) {
  const uint32_t a = ValueOf(tail[0]);
  const uint32_t b = ValueOf(tail[1]);
  if ((a | b) == kInvalid) return false;
  out[0] = static_cast<char>(a << 2 | b >> 4);
  if (tail.size() == 2) return (b & 0xF) == 0;
  const uint32_t c = ValueOf(tail[2]);
  if (c == kInvalid) return false;
  out[1] = static_cast<char>(b << 4 | c >> 2);
  return (c & 0x3) == 0;
}

}  // namespace

bool DecodeBase64Url(std::string_view text, std::string* out) {
  const size_t tail = text.size() % 4;
  if (tail == 1) return false;
  out->resize(text.size() / 4 * 3 + (tail == 0 ? 0 : tail - 1));
  char* to = out->data();
  size_t i = 0;
  for (; i + 4 <= text.size(); i += 4, to += 3) {
    const uint32_t a = ValueOf(text[i]);
    const uint32_t b = ValueOf(text[i + 1]);
    const uint32_t c = ValueOf(text[i + 2]);
    const uint32_t d = ValueOf(text[i + 3]);
    if ((a | b | c | d) == kInvalid) return false;
    to[0] = static_cast<char>(a << 2 | b >> 4);
    to[1] = static_cast<char>(b << 4 | c >> 2);
    to[2] = static_cast<char>(c << 6 | d);
  }
  return tail == 0 || DecodeTail(text.substr(i), to);
}

std::string EncodeBase64Url(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() * 4 + 2) / 3);
  uint32_t bits = 0;
  int held = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<uint8_t>(c);
    held += 8;
    while (held >= 6) {
      held -= 6;
      out.push_back(kAlphabet[bits >> held & 0x3F]);
    }
  }
  if (held > 0) out.push_back(kAlphabet[bits << (6 - held) & 0x3F]);
  return out;
}

}  // namespace stratus::auth
