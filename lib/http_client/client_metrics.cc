#include "lib/http_client/client_metrics.h"

#include <string>

namespace stratus::http_client {

void WriteMetrics(std::string_view client, const Client::Stats& stats, telemetry::Snapshot& out) {
  const telemetry::Snapshot::Labels labels = {{"client", std::string(client)}};
  const auto rejected = [&](const char* reason, uint64_t count) {
    out.Counter("stratus_http_client_rejected_total", "Requests refused before they were sent.",
                static_cast<double>(count), {labels.front(), {"reason", reason}});
  };
  out.Counter("stratus_http_client_requests_total", "Requests asked for.", static_cast<double>(stats.requests), labels);
  out.Counter("stratus_http_client_retries_total", "Requests sent again.", static_cast<double>(stats.retries), labels);
  rejected("breaker", stats.breaker_rejections);
  rejected("overload", stats.overload_rejections);
  out.Gauge("stratus_http_client_in_flight", "Requests queued or under way.", static_cast<double>(stats.in_flight),
            labels);
  out.Gauge("stratus_http_client_breakers_open", "Hosts that are not asked for now, as they failed too often.",
            static_cast<double>(stats.breakers_open), labels);
}

}  // namespace stratus::http_client
