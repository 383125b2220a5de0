// What an http_client::Client counts, for a scrape.
#pragma once

#include <string_view>

#include "lib/http_client/http_client.h"
#include "lib/telemetry/metrics.h"

namespace stratus::http_client {

// stratus_http_client_*{client}. `client`: what it is for, such as `source`.
void WriteMetrics(std::string_view client, const Client::Stats& stats, telemetry::Snapshot& out);

}  // namespace stratus::http_client
