#include "gateway/upstream/cluster.h"

#include <memory>
#include <vector>

#include "gateway/loop/memory_pool.h"
#include "gateway/upstream/client_call.h"
#include "gateway/upstream/pool.h"

namespace stratus::gateway::upstream {
namespace {

class Http2Cluster final : public Cluster, private CallOwner {
 public:
  Http2Cluster(boost::asio::io_context& io, TimerQueue* timers, const ClusterOptions& options)
      : timers_(timers),
        unary_(io, timers, memory_.nghttp2(), options, this),
        streaming_(io, timers, memory_.nghttp2(), options, this) {}

  Call* Start(const CallHead& head, CallObserver* observer) override {
    ClientCall* call = Take();
    call->Prepare(head, observer);
    (head.streaming ? streaming_ : unary_).Start(call);
    return call;
  }

 private:
  ClientCall* Take() {
    if (free_.empty()) {
      all_.push_back(std::make_unique<ClientCall>(timers_));
      free_.reserve(all_.capacity());
      free_.push_back(all_.back().get());
    }
    ClientCall* call = free_.back();
    free_.pop_back();
    return call;
  }

  void Release(ClientCall* call) override {
    call->Reset();
    free_.push_back(call);
  }

  TimerQueue* timers_;
  MemoryPool memory_;
  // As many as were ever under way at once, which the gateway's limits on client streams bound.
  std::vector<std::unique_ptr<ClientCall>> all_;
  std::vector<ClientCall*> free_;
  Pool unary_;
  Pool streaming_;
};

}  // namespace

std::unique_ptr<Cluster> MakeCluster(boost::asio::io_context& io, TimerQueue* timers, const ClusterOptions& options) {
  return std::make_unique<Http2Cluster>(io, timers, options);
}

}  // namespace stratus::gateway::upstream
