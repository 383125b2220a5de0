// Which hosts a run may ask for: names as they are asked for, before anything is resolved.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stratus::provisioning::egress {

struct Target {
  std::string host;  // lower case, without brackets or a last dot
  uint16_t port = 0;
};

// A host's name or address in the form that patterns are compared with. nullopt: no name can be like that, or it is a
// number that resolvers read as an address (`127.1`, `0x7f000001`, `2130706433`).
std::optional<std::string> NormalHost(std::string_view host);

// `HOST:PORT` or `[IPv6]:PORT`, as CONNECT has it. `default_port` 0: it must be there.
std::optional<Target> ParseTarget(std::string_view authority, uint16_t default_port);
std::string ToText(const Target& target);

// One entry of an allow list.
struct HostPattern {
  std::string host;   // `api.example.com`; `*.example.com`: every name below it; `*`: every name
  uint16_t port = 0;  // 0: 443 and 80
};

// `HOST`, `HOST:PORT`, `*.HOST`, `*`, `192.0.2.1`, `[2001:db8::1]:8443`. An address is allowed only as itself.
std::optional<HostPattern> ParsePattern(std::string_view text);
std::string ToText(const HostPattern& pattern);

bool Matches(const HostPattern& pattern, const Target& target);
bool IsAllowed(const std::vector<HostPattern>& patterns, const Target& target);

}  // namespace stratus::provisioning::egress
