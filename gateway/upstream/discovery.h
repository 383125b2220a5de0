// Which endpoints a cluster has now: its addresses, and what its names resolve to, asked again and again.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gateway/upstream/cluster_options.h"
#include "gateway/upstream/resolver.h"
#include "gateway/upstream/timer_queue.h"

namespace stratus::gateway::upstream {

class Discovery {
 public:
  // Runs from the loop after each round of look-ups, whether endpoints() has changed or not.
  using Resolved = std::function<void()>;

  // Begins the first round where there are names. `options` outlives it.
  Discovery(boost::asio::io_context& io, TimerQueue* timers, const ClusterOptions& options, ClusterStats* stats,
            Resolved resolved);
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;

  // Without doubles. A name that fails to resolve keeps what it had.
  const std::vector<EndpointAddress>& endpoints() const { return endpoints_; }
  // A round is under way.
  bool resolving() const { return pending_ > 0; }
  // Why the last round failed, or OK.
  const absl::Status& status() const { return status_; }
  // An endpoint has failed: resolves again, now or when resolve_pause is over.
  void Refresh();

 private:
  struct Name {
    std::string host;
    uint16_t port;
    std::vector<EndpointAddress> found;
  };

  void Add(const core::Address& address);
  void Begin();
  void OnAnswer(size_t name, absl::StatusOr<std::vector<EndpointAddress>> found);
  void Collect();

  TimerQueue* timers_;
  const ClusterOptions& options_;
  ClusterStats* stats_;
  Resolved resolved_;
  std::unique_ptr<Resolver> resolver_;
  std::vector<EndpointAddress> fixed_;
  std::vector<Name> names_;
  std::vector<EndpointAddress> endpoints_;
  size_t pending_ = 0;
  int64_t began_ns_ = 0;
  absl::Status status_;  // of the last whole round
  absl::Status round_;   // of the one under way
  Timer timer_;
};

}  // namespace stratus::gateway::upstream
