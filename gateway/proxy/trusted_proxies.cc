#include "gateway/proxy/trusted_proxies.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/core/status.h"

namespace stratus::gateway::proxy {
namespace {

constexpr std::string_view kUnixPeer = "unix:";
constexpr int kMappedBits = 96;  // of an IPv4 address' IPv6 form, before the address
// A longer chain of proxies is not ours.
constexpr int kHopsMax = 32;

}  // namespace

std::string_view HostOfPeer(std::string_view peer) {
  if (peer.starts_with('[')) return peer.substr(1, std::min(peer.size(), peer.find(']')) - 1);
  // An IPv6 address without brackets has no port.
  const size_t colon = peer.find(':');
  return peer.find(':', colon + 1) == std::string_view::npos || colon == std::string_view::npos ? peer.substr(0, colon)
                                                                                                : peer;
}

bool TrustedProxies::Parse(std::string_view text, Address* address, bool* v4) {
  char copy[INET6_ADDRSTRLEN] = {};
  if (text.empty() || text.size() >= sizeof copy) return false;
  std::copy(text.begin(), text.end(), copy);
  address->fill(0);
  *v4 = inet_pton(AF_INET, copy, address->data() + 12) == 1;
  if (*v4) {
    (*address)[10] = (*address)[11] = 0xff;
    return true;
  }
  return inet_pton(AF_INET6, copy, address->data()) == 1;
}

absl::Status TrustedProxies::Add(std::string_view text) {
  if (text == "unix") {
    unix_ = true;
    return absl::OkStatus();
  }
  const absl::Status wrong = absl::InvalidArgumentError(absl::StrCat(
      "`", core::ToAbsl(text.substr(0, 100)), "` is no address, no network such as 10.0.0.0/8, and not `unix`"));
  const size_t slash = text.find('/');
  Network network{};
  bool v4 = false;
  if (!Parse(text.substr(0, slash), &network.address, &v4)) return wrong;
  const int bits_max = v4 ? 32 : 128;
  network.bits = bits_max;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const bool number = !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
    if (!number || !absl::SimpleAtoi(core::ToAbsl(digits), &network.bits) || network.bits > bits_max) return wrong;
  }
  if (v4) network.bits += kMappedBits;
  networks_.push_back(network);
  return absl::OkStatus();
}

bool TrustedProxies::Contains(const Address& address) const {
  return std::any_of(networks_.begin(), networks_.end(), [&address](const Network& network) {
    const size_t whole = static_cast<size_t>(network.bits / 8);
    if (std::memcmp(address.data(), network.address.data(), whole) != 0) return false;
    const int rest = network.bits % 8;
    return rest == 0 || ((address[whole] ^ network.address[whole]) >> (8 - rest)) == 0;
  });
}

bool TrustedProxies::TrustsPeer(std::string_view peer) const {
  if (peer == kUnixPeer) return unix_;
  if (networks_.empty()) return false;
  Address address;
  bool v4;
  return Parse(HostOfPeer(peer), &address, &v4) && Contains(address);
}

std::string_view TrustedProxies::ClientOf(const http::RequestHead& head) const {
  if (!Trusts(head)) return head.peer;
  std::string_view client = head.peer;
  int hops = 0;
  for (auto header = head.headers.rbegin(); header != head.headers.rend(); ++header) {
    if (header->name != "x-forwarded-for") continue;
    for (std::string_view left = header->value; !left.empty();) {
      const size_t comma = left.rfind(',');
      const absl::string_view entry =
          absl::StripAsciiWhitespace(core::ToAbsl(comma == std::string_view::npos ? left : left.substr(comma + 1)));
      left = left.substr(0, comma == std::string_view::npos ? 0 : comma);
      const std::string_view host = HostOfPeer(core::ToStd(entry));
      Address address;
      bool v4;
      // What is no address was not written by a proxy of ours.
      if (++hops > kHopsMax || !Parse(host, &address, &v4)) return client;
      client = host;
      if (!Contains(address)) return client;
    }
  }
  return client;
}

}  // namespace stratus::gateway::proxy
