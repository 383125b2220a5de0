#include "services/provisioning/domain/uid.h"

#include <algorithm>
#include <cstddef>

#include "lib/core/random.h"

namespace stratus::provisioning::domain {
namespace {

constexpr size_t kLength = 20;
constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";  // 32: five bits a character, no bias

int HexValue(char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; }

}  // namespace

std::string NewUid() {
  const std::string hex = core::RandomHex(kLength);
  std::string uid;
  uid.reserve(kLength);
  for (size_t i = 0; i < kLength; ++i) {
    const int byte = HexValue(hex[2 * i]) << 4 | HexValue(hex[2 * i + 1]);
    uid.push_back(kAlphabet[static_cast<size_t>(byte) % kAlphabet.size()]);
  }
  return uid;
}

bool IsUid(std::string_view text) {
  return text.size() == kLength &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

}  // namespace stratus::provisioning::domain
