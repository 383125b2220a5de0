// A gRPC server with what each of ours needs: authorization, health, reflection, limits, drain.
//
//   rpc::ServerOptions options;
//   options.listen = {address};
//   options.AddService<weather::v1::WeatherService>(&weather);
//   options.authenticator = authenticator;
//   absl::StatusOr<std::unique_ptr<rpc::Server>> server = rpc::Server::Start(std::move(options));
//   ...                                      // (*server)->addresses(): as bound
//   (*server)->Drain(absl::Seconds(20));        // on SIGTERM
//
// Services must be made of the callback API (protoc's CallbackService) and written against unary.h and
// server_stream.h: Start refuses others, because only those adapters enforce what the interceptor decided.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/auth/authenticator.h"
#include "lib/auth/policy.h"
#include "lib/core/address.h"

namespace grpc {
class Service;
}

namespace stratus::telemetry {
class Tracer;
}

namespace stratus::rpc {

class CallObserver;

// Defaults fit a private port behind the gateway (design.md, decision 3): generous in streams, strict in sizes.
struct ServerLimits {
  int message_bytes_max = 16 << 20;
  int metadata_bytes_max = 16 << 10;
  int concurrent_streams_max = 1024;  // a connection
  // Memory that all buffers of the server may take; past it gRPC refuses and slows down.
  size_t buffer_bytes_max = size_t{512} << 20;
  // Of a peer that answers no ping: the connection is closed after both.
  absl::Duration keepalive_time = absl::Minutes(2);
  absl::Duration keepalive_timeout = absl::Seconds(20);
  // A client that pings more often than this is disconnected (ENHANCE_YOUR_CALM).
  absl::Duration ping_interval_min = absl::Seconds(10);
  // So that clients find new replicas. Calls under way get the grace to end.
  absl::Duration connection_age_max = absl::InfiniteDuration();
  absl::Duration connection_age_grace = absl::Seconds(30);
};

struct ServerOptions {
  struct ServiceEntry {
    std::string full_name;   // must be in the generated descriptor pool
    grpc::Service* service;  // outlives the server
  };

  std::vector<core::Address> listen;  // at least one; port 0 and `unix:` are fine
  std::vector<ServiceEntry> services;

  // Null turns authentication off, for which `authentication_off` must be set too: it cannot happen by forgetting.
  // With authentication off every method is open to everyone, and principal() is null.
  std::shared_ptr<auth::Authenticator> authenticator;
  bool authentication_off = false;
  // For methods that carry no authorization option, beside auth::BuiltInRules().
  std::vector<auth::Rule> rules;

  ServerLimits limits;
  CallObserver* observer = nullptr;  // outlives the server
  // A segment for each call, which then is the CurrentSpan() of its handler. Null: none. Outlives the server.
  const telemetry::Tracer* tracer = nullptr;

  // `Generated` is protoc's class: options.AddService<weather::v1::WeatherService>(&implementation).
  template <typename Generated>
  void AddService(grpc::Service* service) {
    services.push_back({Generated::service_full_name(), service});
  }
};

class Server {
 public:
  // Binds every address and serves. INVALID_ARGUMENT: a service or rule that cannot be served; UNAVAILABLE: an address
  // that cannot be bound, named with the reason.
  static absl::StatusOr<std::unique_ptr<Server>> Start(ServerOptions options);

  // Drains with no grace where Drain was not called.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // As bound, in the order of ServerOptions::listen: ports are never 0.
  const std::vector<std::string>& addresses() const;

  // Methods that anyone may call, and methods that nobody may: `/pkg.Service/Method`.
  const std::vector<std::string>& public_methods() const;
  const std::vector<std::string>& denied_methods() const;

  // Sets what the health service says of all services. SERVING from Start on.
  void SetServing(bool serving);

  // Says NOT_SERVING, refuses new calls, lets those under way end for at most `grace`, then cancels them. Returns when
  // every call has ended. A second call does nothing. A call that comes in at the very moment this starts may see
  // CANCELLED in place of UNAVAILABLE (gRPC 1.51).
  void Drain(absl::Duration grace);

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace stratus::rpc
