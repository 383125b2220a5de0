// The port for probes and scrapes (`--admin-listen`):
//   GET /livez    200 {"status":"ok"} as long as the process answers; never depends on anything else
//   GET /readyz   200 {"status":"ready"}, or 503 {"status":"not ready","reasons":[{"check":"...","reason":"..."}]}; and
//   facts
//                 beside the status, {"status":"ready","isolation":"strict"}
//   GET /metrics  Prometheus' text format
//   GET /config   what the program runs with, as JSON without secrets (lib/program/config_page.h)
//   GET /loglevel {"level":"INFO"}; PUT /loglevel with debug, info, warning or error as its body changes it
#pragma once

#include <functional>
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
  // JSON of the configuration, on the server's thread. It holds no secrets: who can reach the port can read it.
  using Config = std::function<std::string()>;

  // `metrics`, `readiness` and what `config` reads outlive the server. Without `config` there is no /config.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(const core::Address& listen, const Metrics& metrics,
                                                            const Readiness& readiness, Config config = {});
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
