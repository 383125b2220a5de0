// Makes the Cluster of one upstream for one worker's loop.
//
//   TimerQueue timers(io);
//   std::unique_ptr<Cluster> weather = MakeCluster(io, &timers, {.address = *core::ParseAddress("unix:/run/w.sock")});
//   Call* call = weather->Start({.path = "/pkg.Service/Method", .authority = "weather"}, &observer);
//   call->Send(frame, true);
//
// Connections are made when the first call needs them, and again when they have broken. A call waits while one is being
// made; while the upstream cannot be reached (the pause between two attempts) it fails at once with UNAVAILABLE.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <memory>

#include "absl/time/time.h"
#include "gateway/upstream/timer_queue.h"
#include "gateway/upstream/upstream.h"
#include "lib/core/address.h"

namespace stratus::gateway::upstream {

struct ClusterOptions {
  core::Address address;
  // Connections for unary calls, and as many again for streaming ones; at least as many as the name has addresses, up
  // to kConnectionsMax.
  int connections = 1;
  absl::Duration connect_timeout = absl::Seconds(5);
  // Between two attempts, with jitter: the first pause, doubled up to the longest.
  absl::Duration backoff_min = absl::Milliseconds(50);
  absl::Duration backoff_max = absl::Seconds(5);
  // Calls that may wait for a connection or a free stream; one more fails with UNAVAILABLE.
  size_t queue_max = 8192;
  // Zero: no PINGs. They are sent only while calls are under way and the connection is silent.
  absl::Duration keepalive_interval = absl::ZeroDuration();
  absl::Duration keepalive_timeout = absl::Seconds(10);
};

inline constexpr int kConnectionsMax = 64;

// `io` and `timers` outlive the cluster. Calls still under way when it is destroyed vanish without a word.
std::unique_ptr<Cluster> MakeCluster(boost::asio::io_context& io, TimerQueue* timers, const ClusterOptions& options);

}  // namespace stratus::gateway::upstream
