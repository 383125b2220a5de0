#include "gateway/http/connection_quota.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/time/time.h"
#include "gateway/http/limits.h"
#include "lib/core/log.h"
#include "lib/core/log_throttle.h"

namespace stratus::gateway::http {
namespace {

constexpr uint32_t kAddressShare = 4;  // of all connections, where nothing else is configured

ConnectionQuota::Address OfIpv4(uint32_t network_order) {
  // No /64 that is in use begins like this.
  return uint64_t{0xffff} << 32 | ntohl(network_order);
}

ConnectionQuota::Address OfIpv6(const in6_addr& address) {
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    uint32_t v4;
    std::memcpy(&v4, address.s6_addr + 12, sizeof v4);
    return OfIpv4(v4);
  }
  uint64_t prefix = 0;
  for (int i = 0; i < 8; ++i) prefix = prefix << 8 | address.s6_addr[i];
  return std::max<uint64_t>(prefix, 1);  // `::1` and its like are no kUncounted
}

void LogRefusal(core::LogThrottle* throttle, std::string_view message, std::string_view setting, uint32_t limit) {
  if (const uint64_t times = throttle->Due()) {
    core::Log(core::Severity::kWarning, message,
              {{"setting", setting}, {"limit", limit}, {"times_since_last_line", times}});
  }
}

}  // namespace

ConnectionQuota::ConnectionQuota(const Limits& limits, std::function<bool(std::string_view peer)> exempt)
    : connections_max_(limits.connections_max),
      per_address_max_(limits.connections_per_address_max != 0
                           ? limits.connections_per_address_max
                           : std::max<uint32_t>(1, limits.connections_max / kAddressShare)),
      exempt_(std::move(exempt)) {}

ConnectionQuota::Address ConnectionQuota::AddressOf(const sockaddr_storage& peer, std::string_view text) const {
  if (exempt_ && exempt_(text)) return kUncounted;
  if (peer.ss_family == AF_INET) return OfIpv4(reinterpret_cast<const sockaddr_in&>(peer).sin_addr.s_addr);
  if (peer.ss_family == AF_INET6) return OfIpv6(reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr);
  return kUncounted;
}

ConnectionQuota::Verdict ConnectionQuota::Take(Address address) {
  static core::LogThrottle full(absl::Minutes(1));
  static core::LogThrottle address_full(absl::Minutes(1));
  core::MutexLock lock(mutex_);
  if (address != kUncounted) {
    uint32_t& of_address = by_address_[address];
    if (of_address >= per_address_max_) {
      LogRefusal(&address_full, "a client's address has as many connections as it may",
                 "limits.connections_per_address_max", per_address_max_);
      return Verdict::kAddressFull;
    }
    ++of_address;
  }
  if (++open_ <= connections_max_) return Verdict::kTaken;
  LogRefusal(&full, "there are as many connections as there may be: idle ones make room for new ones",
             "limits.connections_max", connections_max_);
  return Verdict::kFull;
}

void ConnectionQuota::Give(Address address) {
  core::MutexLock lock(mutex_);
  --open_;
  if (address == kUncounted) return;
  const auto found = by_address_.find(address);
  if (--found->second == 0) by_address_.erase(found);
}

}  // namespace stratus::gateway::http
