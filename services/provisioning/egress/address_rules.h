// Which addresses a run may be connected to. Addresses are judged as numbers, after the name was resolved, so that no
// way of writing one and no answer of a name server gets around it.
//
// Nothing but the standard library and libc, as everything in this folder that stratus-egress is made of: it starts
// once a step.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stratus::provisioning::egress {

// An IPv6 address in network order; IPv4 as ::ffff:a.b.c.d.
using Address = std::array<uint8_t, 16>;

// `192.0.2.1`, `2001:db8::1`. Strict: neither `127.1` nor `0x7f000001` is an address.
std::optional<Address> ParseAddress(std::string_view text);
std::optional<Address> AddressOf(const sockaddr& address);
std::string ToText(const Address& address);

struct Network {
  Address prefix = {};
  int bits = 128;  // of the 128

  bool Contains(const Address& address) const;
};

// `10.0.0.0/8`, `fd00::/8`, or an address alone. nullopt: neither, or bits are set beyond the prefix.
std::optional<Network> ParseNetwork(std::string_view text);
std::string ToText(const Network& network);

enum class AddressClass {
  kPublic,
  kPrivate,      // 10/8, 172.16/12, 192.168/16, 100.64/10, 198.18/15, fc00::/7: only what the operator allows
  kLoopback,     // from here on: never
  kUnspecified,  // 0/8, ::, which reach the machine itself
  kLinkLocal,
  kMetadata,  // where clouds hand out a machine's own credentials
  kMulticast,
  kReserved,    // broadcast, documentation, protocol assignments
  kTransition,  // forms that carry an IPv4 address past who looks at the IPv6 one: 6to4, Teredo, IPv4-compatible
  kHost,        // an address of this machine's own interfaces
};

// A NAT64 address (64:ff9b::/96) is of the class of the IPv4 address in it.
AddressClass Classify(const Address& address);
// As it stands in logs and in a refusal: `private`, `loopback`, ...
std::string_view ClassName(AddressClass kind);

// All addresses of this machine's interfaces; nullopt when the system does not say.
std::optional<std::vector<Address>> HostAddresses();

// Whether a run may be connected to `address`: kPublic when it may, else why not. `permitted` opens private addresses
// alone; `own` are HostAddresses().
AddressClass Judge(const Address& address, const std::vector<Network>& permitted, const std::vector<Address>& own);

}  // namespace stratus::provisioning::egress
