// Names to addresses, off the loop.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace stratus::gateway::upstream {

// Where one server listens.
struct EndpointAddress {
  boost::asio::generic::stream_protocol::endpoint endpoint;
  std::string name;  // `10.0.0.7:50051`, `unix:/run/x.sock`: for logs and messages
  std::string host;  // as configured: what a certificate has to be for

  bool operator==(const EndpointAddress& other) const { return endpoint == other.endpoint; }
};

class Resolver {
 public:
  using Done = std::function<void(absl::StatusOr<std::vector<EndpointAddress>>)>;

  // No Done runs any more once the resolver is destroyed.
  virtual ~Resolver() = default;
  // `done` runs from the loop, never inside Resolve. UNAVAILABLE when the name does not resolve.
  virtual void Resolve(const std::string& host, uint16_t port, Done done) = 0;
};

using ResolverFactory = std::function<std::unique_ptr<Resolver>(boost::asio::io_context& io)>;

// getaddrinfo on a thread of its own (one for each loop), so that a slow name server stops no call.
std::unique_ptr<Resolver> MakeSystemResolver(boost::asio::io_context& io);

EndpointAddress UnixEndpoint(const std::string& path);
// `host` is an address in digits; an error otherwise.
absl::StatusOr<EndpointAddress> LiteralEndpoint(const std::string& host, uint16_t port);

}  // namespace stratus::gateway::upstream
