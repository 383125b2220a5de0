#include "gateway/proxy/request_id.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace stratus::gateway::proxy {
namespace {

constexpr size_t kRequestIdMax = 128;

bool IsValid(std::string_view id) {
  return !id.empty() && id.size() <= kRequestIdMax &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

void AppendHex(uint64_t value, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  char digits[16];
  for (size_t i = 0; i < sizeof digits; ++i) digits[i] = kHex[value >> (60 - 4 * i) & 15];
  out->append(digits, sizeof digits);
}

}  // namespace

void SetRequestId(const http::RequestHead& head, absl::InsecureBitGen& random, std::string* out) {
  out->clear();
  const std::string_view given = head.Find("x-request-id");
  if (IsValid(given)) {
    *out = given;
    return;
  }
  AppendHex(random(), out);
  AppendHex(random(), out);
}

}  // namespace stratus::gateway::proxy
