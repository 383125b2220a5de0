// Which headers cross the gateway, and under which names. The table is documented in docs/how-to/headers.md.
#pragma once

#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "gateway/http/exchange.h"
#include "gateway/proxy/trusted_proxies.h"
#include "stratus/config/v1/gateway.pb.h"

namespace stratus::gateway::proxy {

using HeaderList = absl::InlinedVector<http::Header, 24>;

// What the request's Connection headers name: it ends here (RFC 9110, 7.6.1). HTTP/2 has no such header.
class HopByHop {
 public:
  explicit HopByHop(const http::RequestHead& head);
  bool Names(std::string_view name) const;

 private:
  absl::InlinedVector<std::string_view, 2> lines_;  // without those that say `close` or `keep-alive` alone
};

class HeaderMap {
 public:
  explicit HeaderMap(const stratus::config::v1::Headers& config);

  // Appends the metadata of a REST request: listed headers under their names, `grpc-metadata-NAME` as NAME, and what a
  // trusted proxy says. Views into the request.
  void RequestMetadata(const http::RequestHead& head, HeaderList* out) const;

  // The same of those headers alone that say who calls, in which trace, and of those in `declared`: for a reply that
  // others will get too.
  void DeclaredMetadata(const http::RequestHead& head, absl::Span<const std::string> declared, HeaderList* out) const;

  // Appends the metadata of a gRPC request: everything that is not the connection's or the gateway's own, nor, with
  // `web` (gRPC-Web), the browser's.
  void PassThroughMetadata(const http::RequestHead& head, bool web, HeaderList* out) const;

  // The name under which a service's metadata goes into an HTTP response; empty: it does not.
  std::string_view ResponseName(std::string_view metadata_name) const;

  // Whether a name of a service's metadata may go to a gRPC client.
  static bool PassesBack(std::string_view metadata_name);

  // Appends the value of `x-forwarded-for`: the peer's address without its port, behind what a trusted proxy sent.
  void AppendForwardedFor(const http::RequestHead& head, std::string* out) const;

  // Who calls, as far as it can be believed: TrustedProxies::ClientOf.
  std::string_view ClientOf(const http::RequestHead& head) const { return trusted_.ClientOf(head); }

  // Whether `127.0.0.1:40000` is a trusted proxy's.
  bool TrustsPeer(std::string_view peer) const { return trusted_.TrustsPeer(peer); }

 private:
  void AppendRequestHeader(const http::Header& header, HeaderList* out) const;
  void AppendSaidByProxies(const http::RequestHead& head, HeaderList* out) const;

  absl::flat_hash_map<std::string, std::string> request_;   // header -> metadata
  absl::flat_hash_map<std::string, std::string> response_;  // metadata -> header
  TrustedProxies trusted_;
};

}  // namespace stratus::gateway::proxy
