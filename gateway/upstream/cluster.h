// Makes the Cluster of one upstream for one worker's loop.
//
//   TimerQueue timers(io);
//   std::unique_ptr<Cluster> weather = MakeCluster(io, &timers, {.address = *core::ParseAddress("unix:/run/w.sock")});
//   Call* call = weather->Start({.path = "/pkg.Service/Method", .authority = "weather"}, &observer);
//   call->Send(frame, true);
//
// Connections are made when the first call needs them, and again when they have broken. A call goes to an endpoint that
// is connected, and waits while there is none but one is being connected to; while no endpoint can be reached (the
// pause between two attempts) it fails at once with UNAVAILABLE.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "gateway/upstream/cluster_options.h"
#include "gateway/upstream/timer_queue.h"
#include "gateway/upstream/upstream.h"

namespace stratus::gateway::upstream {

// `io` and `timers` outlive the cluster. Calls still under way when it is destroyed vanish without a word.
std::unique_ptr<Cluster> MakeCluster(boost::asio::io_context& io, TimerQueue* timers, const ClusterOptions& options);

}  // namespace stratus::gateway::upstream
