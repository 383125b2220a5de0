#include "services/provisioning/egress/allow_list.h"

#include <algorithm>
#include <charconv>

#include "services/provisioning/egress/address_rules.h"

namespace stratus::provisioning::egress {
namespace {

constexpr size_t kHostLengthMax = 253;
constexpr size_t kLabelLengthMax = 63;
constexpr uint16_t kDefaultPorts[] = {443, 80};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLabelChar(char c) { return (c >= 'a' && c <= 'z') || IsDigit(c) || c == '-' || c == '_'; }

// inet_aton takes a host whose last label is a number, decimal or hexadecimal, for an address.
bool IsNumeric(std::string_view label) {
  return std::all_of(label.begin(), label.end(), IsDigit) || label.starts_with("0x");
}

bool IsName(std::string_view host) {
  if (host.empty() || host.size() > kHostLengthMax) return false;
  std::string_view last;
  for (size_t at = 0; at <= host.size();) {
    const size_t end = std::min(host.find('.', at), host.size());
    last = host.substr(at, end - at);
    if (last.empty() || last.size() > kLabelLengthMax || !std::all_of(last.begin(), last.end(), IsLabelChar)) {
      return false;
    }
    at = end + 1;
  }
  return !IsNumeric(last);
}

std::optional<uint16_t> ParsePort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

struct Parts {
  std::string_view host;
  std::optional<std::string_view> port;
};

// Splits at the port's colon. An IPv6 address stands in brackets.
std::optional<Parts> Split(std::string_view text) {
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const Parts parts = {text.substr(1, end - 1), {}};
    const std::string_view rest = text.substr(end + 1);
    if (parts.host.find(':') == std::string_view::npos) return std::nullopt;
    if (rest.empty()) return parts;
    if (rest[0] != ':') return std::nullopt;
    return Parts{parts.host, rest.substr(1)};
  }
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return Parts{text, {}};
  if (text.find(':', colon + 1) != std::string_view::npos) return std::nullopt;
  return Parts{text.substr(0, colon), text.substr(colon + 1)};
}

std::string Bracketed(const std::string& host) { return host.find(':') == std::string::npos ? host : "[" + host + "]"; }

}  // namespace

std::optional<std::string> NormalHost(std::string_view host) {
  std::string lower(host);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (const auto address = ParseAddress(lower)) return ToText(*address);
  if (lower.ends_with('.')) lower.pop_back();
  if (!IsName(lower)) return std::nullopt;
  return lower;
}

std::optional<Target> ParseTarget(std::string_view authority, uint16_t default_port) {
  const auto parts = Split(authority);
  if (!parts) return std::nullopt;
  auto host = NormalHost(parts->host);
  const auto port = parts->port ? ParsePort(*parts->port) : std::optional<uint16_t>(default_port);
  if (!host || !port || *port == 0) return std::nullopt;
  return Target{*std::move(host), *port};
}

std::string ToText(const Target& target) { return Bracketed(target.host) + ":" + std::to_string(target.port); }

std::optional<HostPattern> ParsePattern(std::string_view text) {
  const auto parts = Split(text);
  if (!parts) return std::nullopt;
  HostPattern pattern;
  if (parts->port) {
    const auto port = ParsePort(*parts->port);
    if (!port) return std::nullopt;
    pattern.port = *port;
  }
  const bool below = parts->host.starts_with("*.");
  if (parts->host == "*") {
    pattern.host = "*";
    return pattern;
  }
  auto host = NormalHost(below ? parts->host.substr(2) : parts->host);
  if (!host || (below && ParseAddress(*host))) return std::nullopt;
  pattern.host = (below ? "*." : "") + *std::move(host);
  return pattern;
}

std::string ToText(const HostPattern& pattern) {
  return pattern.port == 0 ? Bracketed(pattern.host) : Bracketed(pattern.host) + ":" + std::to_string(pattern.port);
}

bool Matches(const HostPattern& pattern, const Target& target) {
  const bool port = pattern.port != 0 ? pattern.port == target.port
                                      : std::find(std::begin(kDefaultPorts), std::end(kDefaultPorts), target.port) !=
                                            std::end(kDefaultPorts);
  if (!port) return false;
  if (pattern.host == target.host) return true;
  if (!pattern.host.starts_with('*') || ParseAddress(target.host)) return false;
  const std::string_view suffix = std::string_view(pattern.host).substr(1);  // `.example.com`, or nothing
  return target.host.size() > suffix.size() && target.host.ends_with(suffix);
}

bool IsAllowed(const std::vector<HostPattern>& patterns, const Target& target) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const HostPattern& pattern) { return Matches(pattern, target); });
}

}  // namespace stratus::provisioning::egress
