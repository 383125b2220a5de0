#include "gateway/http/authority.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace stratus::gateway::http {
namespace {

constexpr unsigned kPortMax = 65535;

bool IsHex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// After the colon; `x:` has a port that is empty (RFC 3986, 3.2.3).
bool IsPort(std::string_view text) {
  unsigned port = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    port = port * 10 + static_cast<unsigned>(c - '0');
    if (port > kPortMax) return false;
  }
  return true;
}

// A registered name, or an IPv4 address, which looks like one.
bool IsName(std::string_view text) {
  static constexpr auto kAllowed = [] {
    std::array<bool, 256> allowed{};
    for (unsigned char c = '0'; c <= '9'; ++c) allowed[c] = true;
    for (unsigned char c = 'a'; c <= 'z'; ++c) allowed[c] = true;
    for (unsigned char c = 'A'; c <= 'Z'; ++c) allowed[c] = true;
    for (const char c : std::string_view("-._~!$&'()*+,;=")) allowed[static_cast<unsigned char>(c)] = true;
    return allowed;
  }();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (text.size() - i < 3 || !IsHex(text[i + 1]) || !IsHex(text[i + 2])) return false;
      i += 2;
    } else if (!kAllowed[static_cast<unsigned char>(text[i])]) {
      return false;
    }
  }
  return true;
}

// What stands between the brackets. Of the future forms that RFC 3986 foresees there are none.
bool IsIpv6(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> copy{};
  if (text.size() >= copy.size()) return false;
  std::copy(text.begin(), text.end(), copy.begin());
  in6_addr address;
  return ::inet_pton(AF_INET6, copy.data(), &address) == 1;
}

}  // namespace

bool IsAuthority(std::string_view text) {
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos || !IsIpv6(text.substr(1, end - 1))) return false;
    const std::string_view rest = text.substr(end + 1);
    return rest.empty() || (rest.front() == ':' && IsPort(rest.substr(1)));
  }
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return IsName(text);
  return colon > 0 && IsName(text.substr(0, colon)) && IsPort(text.substr(colon + 1));
}

}  // namespace stratus::gateway::http
