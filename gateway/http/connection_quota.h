// How many client connections there may be, in all and of one client's address. Shared by the listeners of a gateway.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "lib/core/mutex.h"

namespace stratus::gateway::http {

struct Limits;

// Any thread.
class ConnectionQuota {
 public:
  // An IPv4 address, or the /64 of an IPv6 one: what a client cannot change at will.
  using Address = uint64_t;
  static constexpr Address kUncounted = 0;

  enum class Verdict : uint8_t {
    kTaken,
    kFull,         // counted all the same: close another one, or Give it back
    kAddressFull,  // not counted
  };

  // `exempt`: whether connections of that peer (`127.0.0.1:40000`) count against no address, as a proxy's stand for
  // many clients. May be empty.
  explicit ConnectionQuota(const Limits& limits, std::function<bool(std::string_view peer)> exempt = nullptr);

  // kUncounted for Unix sockets and those that are exempt. `text` is `peer` as text.
  Address AddressOf(const sockaddr_storage& peer, std::string_view text) const;
  // A refusal is logged, once a minute.
  Verdict Take(Address address) ABSL_LOCKS_EXCLUDED(mutex_);
  void Give(Address address) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const uint32_t connections_max_;
  const uint32_t per_address_max_;
  const std::function<bool(std::string_view)> exempt_;
  core::Mutex mutex_;
  uint32_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<Address, uint32_t> by_address_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stratus::gateway::http
