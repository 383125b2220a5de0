#include "services/provisioning/egress/address_rules.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>

namespace stratus::provisioning::egress {
namespace {

constexpr int kMappedBits = 96;
constexpr Address kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct Rule {
  std::string_view network;
  AddressClass kind;
};

// The first that contains an address decides. Sources: IANA's special-purpose registries, the clouds' manuals.
constexpr Rule kRules[] = {
    // Metadata lies within wider rules: 169.254.169.254 is link-local, which is refused as well.
    {"168.63.129.16/32", AddressClass::kMetadata},    // Azure
    {"100.100.100.200/32", AddressClass::kMetadata},  // Alibaba
    {"192.0.0.192/32", AddressClass::kMetadata},      // Oracle
    {"169.254.169.254/32", AddressClass::kMetadata},
    {"fd00:ec2::/32", AddressClass::kMetadata},  // AWS
    {"fd20:ce::/32", AddressClass::kMetadata},   // Google
    {"0.0.0.0/8", AddressClass::kUnspecified},
    {"10.0.0.0/8", AddressClass::kPrivate},
    {"100.64.0.0/10", AddressClass::kPrivate},
    {"127.0.0.0/8", AddressClass::kLoopback},
    {"169.254.0.0/16", AddressClass::kLinkLocal},
    {"172.16.0.0/12", AddressClass::kPrivate},
    {"192.0.0.0/24", AddressClass::kReserved},
    {"192.0.2.0/24", AddressClass::kReserved},
    {"192.88.99.0/24", AddressClass::kTransition},  // relays of 6to4
    {"192.168.0.0/16", AddressClass::kPrivate},
    {"198.18.0.0/15", AddressClass::kPrivate},
    {"198.51.100.0/24", AddressClass::kReserved},
    {"203.0.113.0/24", AddressClass::kReserved},
    {"224.0.0.0/4", AddressClass::kMulticast},
    {"240.0.0.0/4", AddressClass::kReserved},
    {"::ffff:0:0/96", AddressClass::kPublic},  // the rest of IPv4
    {"::/128", AddressClass::kUnspecified},
    {"::1/128", AddressClass::kLoopback},
    {"::/96", AddressClass::kTransition},            // IPv4-compatible
    {"::ffff:0:0:0/96", AddressClass::kTransition},  // IPv4-translated
    {"64:ff9b:1::/48", AddressClass::kTransition},   // NAT64 of local use: where the IPv4 address lies is not known
    {"100::/64", AddressClass::kReserved},
    {"2001::/32", AddressClass::kTransition},  // Teredo
    {"2001::/23", AddressClass::kReserved},
    {"2001:db8::/32", AddressClass::kReserved},
    {"2002::/16", AddressClass::kTransition},  // 6to4
    {"3fff::/20", AddressClass::kReserved},
    {"5f00::/16", AddressClass::kReserved},
    {"fc00::/7", AddressClass::kPrivate},
    {"fe80::/10", AddressClass::kLinkLocal},
    {"fec0::/10", AddressClass::kReserved},
    {"ff00::/8", AddressClass::kMulticast},
};

struct ReadRule {
  Network network;
  AddressClass kind;
};

const std::vector<ReadRule>& Rules() {
  static const auto& rules = *new std::vector<ReadRule>([] {
    std::vector<ReadRule> read;
    for (const Rule& rule : kRules) read.push_back({ParseNetwork(rule.network).value(), rule.kind});
    return read;
  }());
  return rules;
}

bool IsMapped(const Address& address) {
  return std::equal(address.begin(), address.begin() + kMappedBits / 8, kMappedPrefix.begin());
}

Address Mapped(const uint8_t* four) {
  Address address = kMappedPrefix;
  std::copy_n(four, 4, address.begin() + 12);
  return address;
}

// The interface identifiers of ISATAP (RFC 5214) end with an IPv4 address that a tunnel delivers to.
bool IsIsatap(const Address& address) {
  return (address[8] & ~0x02) == 0 && address[9] == 0 && address[10] == 0x5e && address[11] == 0xfe;
}

}  // namespace

std::optional<Address> ParseAddress(std::string_view text) {
  const std::string ended(text);
  if (ended.size() != strlen(ended.c_str())) return std::nullopt;
  Address address = {};
  in_addr four = {};
  if (inet_pton(AF_INET, ended.c_str(), &four) == 1) return Mapped(reinterpret_cast<const uint8_t*>(&four));
  if (inet_pton(AF_INET6, ended.c_str(), address.data()) == 1) return address;
  return std::nullopt;
}

std::optional<Address> AddressOf(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    return Mapped(reinterpret_cast<const uint8_t*>(&reinterpret_cast<const sockaddr_in&>(address).sin_addr));
  }
  if (address.sa_family != AF_INET6) return std::nullopt;
  Address six = {};
  std::memcpy(six.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, six.size());
  return six;
}

std::string ToText(const Address& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (IsMapped(address)) {
    inet_ntop(AF_INET, address.data() + 12, text, sizeof(text));
  } else {
    inet_ntop(AF_INET6, address.data(), text, sizeof(text));
  }
  return text;
}

bool Network::Contains(const Address& address) const {
  const int whole = bits / 8;
  if (!std::equal(prefix.begin(), prefix.begin() + whole, address.begin())) return false;
  if (bits % 8 == 0) return true;
  const int shift = 8 - bits % 8;
  return (prefix[whole] >> shift) == (address[whole] >> shift);
}

std::optional<Network> ParseNetwork(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = ParseAddress(text.substr(0, slash));
  if (!address) return std::nullopt;
  Network network = {*address, 128};
  if (slash == std::string_view::npos) return network;
  const std::string_view bits = text.substr(slash + 1);
  const bool four = text.substr(0, slash).find(':') == std::string_view::npos;
  int read = -1;
  const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), read);
  if (error != std::errc() || end != bits.data() + bits.size() || read < 0 || read > (four ? 32 : 128)) {
    return std::nullopt;
  }
  network.bits = read + (four ? kMappedBits : 0);
  for (int bit = network.bits; bit < 128; ++bit) {
    if ((network.prefix[bit / 8] >> (7 - bit % 8) & 1) != 0) return std::nullopt;
  }
  return network;
}

std::string ToText(const Network& network) {
  const bool four = IsMapped(network.prefix) && network.bits >= kMappedBits;
  return ToText(network.prefix) + "/" + std::to_string(four ? network.bits - kMappedBits : network.bits);
}

AddressClass Classify(const Address& address) {
  static const Network nat64 = ParseNetwork("64:ff9b::/96").value();
  if (nat64.Contains(address)) return Classify(Mapped(address.data() + 12));
  AddressClass kind = AddressClass::kPublic;
  for (const ReadRule& rule : Rules()) {
    if (!rule.network.Contains(address)) continue;
    kind = rule.kind;
    break;
  }
  const bool may_pass = kind == AddressClass::kPublic || kind == AddressClass::kPrivate;
  return may_pass && IsIsatap(address) ? AddressClass::kTransition : kind;
}

std::string_view ClassName(AddressClass kind) {
  switch (kind) {
    case AddressClass::kPublic: return "public";
    case AddressClass::kPrivate: return "private";
    case AddressClass::kLoopback: return "loopback";
    case AddressClass::kUnspecified: return "unspecified";
    case AddressClass::kLinkLocal: return "link-local";
    case AddressClass::kMetadata: return "metadata";
    case AddressClass::kMulticast: return "multicast";
    case AddressClass::kReserved: return "reserved";
    case AddressClass::kTransition: return "transition";
    case AddressClass::kHost: return "host";
  }
  return "";
}

std::optional<std::vector<Address>> HostAddresses() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return std::nullopt;
  std::vector<Address> addresses;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owned(list, freeifaddrs);
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr) continue;
    if (const auto address = AddressOf(*at->ifa_addr)) addresses.push_back(*address);
  }
  return addresses;
}

AddressClass Judge(const Address& address, const std::vector<Network>& permitted, const std::vector<Address>& own) {
  // What NAT64 leads to is what counts, here too.
  static const Network nat64 = ParseNetwork("64:ff9b::/96").value();
  const Address meant = nat64.Contains(address) ? Mapped(address.data() + 12) : address;
  const AddressClass kind = Classify(meant);
  if (kind != AddressClass::kPublic && kind != AddressClass::kPrivate) return kind;
  if (std::find(own.begin(), own.end(), meant) != own.end()) return AddressClass::kHost;
  if (kind == AddressClass::kPublic) return kind;
  const bool open =
      std::any_of(permitted.begin(), permitted.end(), [&](const Network& network) { return network.Contains(meant); });
  return open ? AddressClass::kPublic : kind;
}

}  // namespace stratus::provisioning::egress
