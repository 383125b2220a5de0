// What the upstream clusters of all workers count, for a scrape: stratus_gateway_upstream_*.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/upstream/cluster_options.h"
#include "gateway/upstream/stats.h"
#include "lib/telemetry/metrics.h"

namespace stratus::gateway {

class UpstreamMetrics {
 public:
  // One worker's options: the same, with counters of its own. Not while Write runs.
  std::vector<upstream::ClusterOptions> ForWorker(std::vector<upstream::ClusterOptions> upstreams);
  // Any thread. The label `upstream` is the address as configured, with `#2` and so on where it is there before.
  void Write(telemetry::Snapshot& out) const;

 private:
  struct Upstream {
    std::string name;
    std::vector<std::shared_ptr<upstream::ClusterStats>> workers;
  };
  std::vector<Upstream> upstreams_;
};

}  // namespace stratus::gateway
