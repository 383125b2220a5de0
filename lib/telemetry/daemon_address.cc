#include "lib/telemetry/daemon_address.h"

#include <optional>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"

namespace stratus::telemetry {
namespace {

constexpr size_t kHostMax = 253;

absl::Status BadForm(std::string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat("`", core::ToAbsl(text.substr(0, 300)),
                   "` is no daemon address: it is `host:port`, or `tcp:host:port udp:host:port`"));
}

bool IsHost(std::string_view host) {
  return !host.empty() && host.size() <= kHostMax && host.find_first_of("/@?# \t\r\n") == std::string_view::npos;
}

std::optional<HostPort> ParseHostPort(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find(':') != std::string_view::npos) return std::nullopt;
  uint32_t port = 0;
  const std::string_view digits = text.substr(colon + 1);
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  if (!absl::SimpleAtoi(core::ToAbsl(digits), &port) || port == 0 || port > 65535 || !IsHost(host)) return std::nullopt;
  return HostPort{std::string(host), static_cast<uint16_t>(port)};
}

}  // namespace

std::string HostPort::ToString() const {
  if (host.find(':') != std::string::npos) return absl::StrCat("[", host, "]:", port);
  return absl::StrCat(host, ":", port);
}

absl::StatusOr<DaemonAddress> ParseDaemonAddress(std::string_view text) {
  const std::vector<std::string> words =
      absl::StrSplit(core::ToAbsl(text), absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty());
  if (words.size() == 1) {
    const std::optional<HostPort> both = ParseHostPort(words[0]);
    if (!both) return BadForm(text);
    return DaemonAddress{*both, *both};
  }
  std::optional<HostPort> udp, tcp;
  if (words.size() != 2) return BadForm(text);
  for (const std::string_view word : words) {
    if (word.starts_with("udp:") && !udp) {
      udp = ParseHostPort(word.substr(4));
    } else if (word.starts_with("tcp:") && !tcp) {
      tcp = ParseHostPort(word.substr(4));
    }
  }
  if (!udp || !tcp) return BadForm(text);
  return DaemonAddress{*std::move(udp), *std::move(tcp)};
}

}  // namespace stratus::telemetry
