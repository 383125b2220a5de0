// The port for probes and scrapes (`--admin-listen`):
//   GET /livez    200 {"status":"ok"} as long as the process answers; never depends on anything else
//   GET /readyz   200 {"status":"ready"}, or 503 {"status":"not ready","reasons":[{"check":"...","reason":"..."}]}
//   GET /metrics  Prometheus' text format
//   GET /loglevel {"level":"INFO"}; PUT /loglevel with debug, info, warning or error as its body changes it
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "lib/core/address.h"

namespace stratus::http_server {
class Server;
}

namespace stratus::telemetry {

class Metrics;
class Readiness;

class AdminServer {
 public:
  // `metrics` and `readiness` outlive the server.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(const core::Address& listen, const Metrics& metrics,
                                                            const Readiness& readiness);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  // As bound.
  std::string address() const;

 private:
  explicit AdminServer(std::unique_ptr<http_server::Server> server);
  std::unique_ptr<http_server::Server> server_;
};

}  // namespace stratus::telemetry
