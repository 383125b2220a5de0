// Whose word is taken about where a request comes from: X-Forwarded-* means something only when a proxy of ours wrote
// it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "gateway/http/exchange.h"

namespace stratus::gateway::proxy {

class TrustedProxies {
 public:
  // `10.0.0.0/8`, `fd00::/8`, an address by itself, or `unix`: whoever connects to a Unix socket. INVALID_ARGUMENT for
  // anything else.
  absl::Status Add(std::string_view network);

  // Whether the connection is a trusted proxy's.
  bool Trusts(const http::RequestHead& head) const { return TrustsPeer(head.peer); }
  // `peer` as in RequestHead.
  bool TrustsPeer(std::string_view peer) const;

  // The client, as far as those who are trusted say: the last address of X-Forwarded-For that is no trusted proxy's.
  // Where nobody trusted says anything, `head.peer` itself, port and all.
  std::string_view ClientOf(const http::RequestHead& head) const;

 private:
  // IPv4 in its IPv6 form, so that one comparison serves both.
  using Address = std::array<uint8_t, 16>;
  struct Network {
    Address address;
    int bits;
  };

  static bool Parse(std::string_view text, Address* address, bool* v4);
  bool Contains(const Address& address) const;

  std::vector<Network> networks_;
  bool unix_ = false;
};

// `[::1]:80`, `[::1]`, `127.0.0.1:80` without port and brackets.
std::string_view HostOfPeer(std::string_view peer);

}  // namespace stratus::gateway::proxy
