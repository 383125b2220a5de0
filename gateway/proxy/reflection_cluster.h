// Server reflection as the gateway itself answers it, from the descriptors that it serves at the moment: an upstream
// that lies in this process, so that a call to it is a pass-through call like any other (gRPC-Web, authorization,
// deadline, log and trace included).
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string_view>
#include <unordered_set>

#include "gateway/proxy/method_table.h"
#include "gateway/upstream/timer_queue.h"
#include "gateway/upstream/upstream.h"

namespace stratus::gateway::proxy {

// Whether a gRPC path is a method of server reflection, version 1 or 1alpha.
bool IsReflectionPath(std::string_view grpc_path);

class ReflectionCluster final : public upstream::Cluster {
 public:
  // Of one question; a longer one ends the call with RESOURCE_EXHAUSTED.
  static constexpr size_t kQuestionBytesMax = 64 << 10;

  // Both outlive the cluster. Used on the loop's thread only.
  ReflectionCluster(boost::asio::io_context& loop, upstream::TimerQueue* timers) : loop_(loop), timers_(*timers) {}

  // Calls that begin from now on answer from it; those under way keep the one they began with.
  void SetSnapshot(std::shared_ptr<const Snapshot> snapshot) { snapshot_ = std::move(snapshot); }

  // upstream::Cluster. SetSnapshot has been called.
  upstream::Call* Start(const upstream::CallHead& head, upstream::CallObserver* observer) override;

 private:
  class OwnCall;

  boost::asio::io_context& loop_;
  upstream::TimerQueue& timers_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::unordered_set<std::shared_ptr<OwnCall>> calls_;
};

}  // namespace stratus::gateway::proxy
