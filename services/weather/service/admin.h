// What the admin port answers: liveness, readiness, metrics.
#pragma once

#include <functional>
#include <string>

#include "lib/http_server/http_server.h"

namespace stratus::weather {

struct AdminHooks {
  std::function<bool()> ready;
  std::function<std::string()> metrics;  // in Prometheus's text format
};

// GET /livez and /health: 200 while the process runs. /readyz: 200 when calls can be served, else 503. /metrics. All
// else is 404, other methods 405.
http_server::Handler AdminHandler(AdminHooks hooks);

}  // namespace stratus::weather
