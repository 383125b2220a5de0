#include "lib/core/address.h"

#include <charconv>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::core {
namespace {

// The longest path that fits a sockaddr_un with its terminating zero.
constexpr size_t kUnixPathMax = 107;

absl::Status BadAddress(std::string_view text, std::string_view reason) {
  return absl::InvalidArgumentError(
      absl::StrCat("address '", ToAbsl(text), "': ", ToAbsl(reason), "; expected HOST:PORT, [IPv6]:PORT or unix:PATH"));
}

}  // namespace

std::string Address::ToString() const {
  if (is_unix()) return absl::StrCat("unix:", unix_path);
  if (host.find(':') != std::string::npos) return absl::StrCat("[", host, "]:", port);
  return absl::StrCat(host, ":", port);
}

absl::StatusOr<Address> ParseAddress(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  Address address;
  if (text.starts_with(kUnix)) {
    address.unix_path = std::string(text.substr(kUnix.size()));
    if (address.unix_path.empty()) return BadAddress(text, "the path is empty");
    if (address.unix_path.size() > kUnixPathMax) return BadAddress(text, "the path is over 107 bytes");
    return address;
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return BadAddress(text, "the port is missing");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return BadAddress(text, "an IPv6 address needs brackets");
  }
  if (host.empty()) return BadAddress(text, "the host is missing (0.0.0.0 means every interface)");
  address.host = std::string(host);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size() || port.empty()) {
    return BadAddress(text, "the port is not a number from 0 to 65535");
  }
  return address;
}

}  // namespace stratus::core
