#include "gateway/upstream/cluster.h"

#include "gateway/upstream/http2_cluster.h"

namespace stratus::gateway::upstream {

std::unique_ptr<Cluster> MakeCluster(boost::asio::io_context& io, TimerQueue* timers, const ClusterOptions& options) {
  return std::make_unique<Http2Cluster>(io, timers, options);
}

}  // namespace stratus::gateway::upstream
